//! The words of the report in each language.

use crate::incident::{Status, What};

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    En,
    /// Chinese.
    Zh,
}

impl Language {
    /// By its code.
    pub fn from_text(code: &str) -> Option<Language> {
        match code {
            "en" => Some(Language::En),
            "zh" => Some(Language::Zh),
            _ => None,
        }
    }

    pub(super) fn words(self) -> &'static Words {
        match self {
            Language::En => &EN,
            Language::Zh => &ZH,
        }
    }
}

pub(super) struct Words {
    pub report: &'static str,
    pub summary: &'static str,
    pub summary_to_fill: &'static str,
    pub severity: &'static str,
    pub status: &'static str,
    statuses: [&'static str; 3],
    pub began: &'static str,
    pub ended: &'static str,
    pub duration: &'static str,
    by: &'static str,
    pub by_itself: &'static str,
    pub acknowledged_after: &'static str,
    pub assigned: &'static str,
    pub impact: &'static str,
    pub impact_to_fill: &'static str,
    pub fired_for: &'static str,
    pub entities: &'static str,
    pub alerts: &'static str,
    pub timeline: &'static str,
    pub left_out: &'static str,
    pub opened: &'static str,
    pub fires: &'static str,
    pub is_over: &'static str,
    pub acknowledged: &'static str,
    pub unacknowledged: &'static str,
    pub note: &'static str,
    pub titled: &'static str,
    pub escalated: &'static str,
    pub nobody: &'static str,
    pub notified: &'static str,
    pub quiet: &'static str,
    pub resolved: &'static str,
    pub reopened: &'static str,
    pub merged: &'static str,
    pub split: &'static str,
    pub split_from: &'static str,
    pub still_fires: &'static str,
    pub times: &'static str,
    pub labels: &'static str,
    pub expression: &'static str,
    pub changes: &'static str,
    pub errors: &'static str,
    pub error_new: &'static str,
    pub error_back: &'static str,
    pub people: &'static str,
    pub unnamed: &'static str,
    pub none: &'static str,
    pub to_fill: &'static [(&'static str, &'static str)],
    pub actions: &'static str,
    pub actions_to_fill: &'static str,
}

impl Words {
    pub fn status_of(&self, status: Status) -> &'static str {
        self.statuses[status as usize]
    }

    pub fn by(&self, who: &str) -> String {
        let who = if who.is_empty() { self.unnamed } else { who };
        self.by.replace("{}", who)
    }

    /// What somebody did, in a word.
    pub fn deed(&self, what: &What) -> &'static str {
        match what {
            What::Acknowledged => self.acknowledged,
            What::Unacknowledged => self.unacknowledged,
            What::Assigned { .. } => self.assigned,
            What::Note { .. } => self.note,
            What::Title { .. } => self.titled,
            What::Escalated(_) => self.escalated,
            What::Resolved => self.resolved,
            What::Reopened { .. } => self.reopened,
            What::Merged { .. } | What::MergedInto { .. } => self.merged,
            What::Split { .. } | What::SplitFrom { .. } => self.split,
            _ => self.none,
        }
    }
}

static EN: Words = Words {
    report: "Post-mortem",
    summary: "Summary",
    summary_to_fill: "To be filled in: what happened, in two or three sentences for somebody who was not there.",
    severity: "Severity",
    status: "Status",
    statuses: ["triggered", "acknowledged", "resolved"],
    began: "Began",
    ended: "Ended",
    duration: "Duration",
    by: "by {}",
    by_itself: "all alerts were over",
    acknowledged_after: "Acknowledged after",
    assigned: "Assigned",
    impact: "Impact",
    impact_to_fill: "To be filled in: who noticed what, how many, and what it cost.",
    fired_for: "Alerts fired over",
    entities: "Entities",
    alerts: "Alerts",
    timeline: "Timeline",
    left_out: "Left out",
    opened: "Incident opened",
    fires: "Fires",
    is_over: "Over",
    acknowledged: "Acknowledged",
    unacknowledged: "Unacknowledged",
    note: "Note",
    titled: "Title",
    escalated: "Escalated",
    nobody: "nobody",
    notified: "Notified",
    quiet: "No alert fires",
    resolved: "Resolved",
    reopened: "Reopened",
    merged: "Merged",
    split: "Split off as",
    split_from: "Split off from",
    still_fires: "still fires",
    times: "Times",
    labels: "Labels",
    expression: "Expression",
    changes: "What changed before",
    errors: "Errors",
    error_new: "New error",
    error_back: "Error came back",
    people: "Who did what",
    unnamed: "somebody",
    none: "Nothing is known.",
    to_fill: &[
        ("Root cause", "To be filled in: why it happened, and why it was possible."),
        ("Detection", "To be filled in: how it was noticed, and whether it could have been sooner."),
        ("Response", "To be filled in: what went well, what did not, and where there was luck."),
    ],
    actions: "Actions",
    actions_to_fill: "what, who, until when",
};

static ZH: Words = Words {
    report: "事后复盘",
    summary: "概要",
    summary_to_fill: "待填写：用两三句话向不在场的人说明发生了什么。",
    severity: "严重程度",
    status: "状态",
    statuses: ["待处理", "已确认", "已解决"],
    began: "开始",
    ended: "结束",
    duration: "持续时间",
    by: "由 {}",
    by_itself: "所有告警均已结束",
    acknowledged_after: "确认用时",
    assigned: "指派",
    impact: "影响",
    impact_to_fill: "待填写：谁受到了什么影响，有多少，代价如何。",
    fired_for: "告警持续",
    entities: "实体",
    alerts: "告警",
    timeline: "时间线",
    left_out: "未列出",
    opened: "事件创建",
    fires: "触发",
    is_over: "结束",
    acknowledged: "确认",
    unacknowledged: "取消确认",
    note: "备注",
    titled: "标题",
    escalated: "升级",
    nobody: "无人",
    notified: "通知",
    quiet: "没有告警在触发",
    resolved: "解决",
    reopened: "重新打开",
    merged: "合并",
    split: "拆分为",
    split_from: "拆分自",
    still_fires: "仍在触发",
    times: "次数",
    labels: "标签",
    expression: "表达式",
    changes: "之前的变更",
    errors: "错误",
    error_new: "新错误",
    error_back: "错误重现",
    people: "谁做了什么",
    unnamed: "某人",
    none: "无记录。",
    to_fill: &[
        ("根本原因", "待填写：为什么会发生，为什么有可能发生。"),
        ("发现", "待填写：如何发现的，能否更早发现。"),
        ("响应", "待填写：哪些做得好，哪些不好，哪些靠运气。"),
    ],
    actions: "后续行动",
    actions_to_fill: "做什么、谁负责、截止时间",
};
