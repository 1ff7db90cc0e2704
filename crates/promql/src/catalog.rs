//! Every function: name, signature and one line of documentation.

use crate::ast::ValueType::{self, Matrix, Scalar, String, Vector};
use std::collections::HashMap;
use std::sync::LazyLock;

/// A function's signature.
#[derive(Debug, PartialEq)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Types of its arguments; the last one repeats if `variadic` allows.
    pub args: &'static [ValueType],
    /// 0: exactly `args`. Positive: the last argument may be absent or occur up to this many times. -1: any
    /// number of times.
    pub variadic: i32,
    /// What it gives.
    pub returns: ValueType,
    /// Whether it is experimental upstream.
    pub experimental: bool,
    /// One line for people.
    pub doc: &'static str,
    pub(crate) id: Id,
}

impl Function {
    /// The signature as text: `round(v instant vector, [scalar])`.
    pub fn signature(&self) -> std::string::String {
        let mut out = format!("{}(", self.name);
        for (i, arg) in self.args.iter().enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            let optional = self.variadic != 0 && i + 1 == self.args.len();
            out.push_str(if optional { "[" } else { "" });
            out.push_str(arg.documented());
            out.push_str(match (optional, self.variadic) {
                (false, _) => "",
                (true, 1) => "]",
                (true, _) => ", ...]",
            });
        }
        out.push(')');
        out
    }
}

macro_rules! functions {
    ($($id:ident $name:literal ($($arg:ident),*) $variadic:literal $returns:ident $stage:ident $doc:literal)*) => {
        /// Which function it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Id { $($id),* }

        static FUNCTIONS: &[Function] = &[$(Function {
            name: $name,
            args: &[$($arg),*],
            variadic: $variadic,
            returns: $returns,
            experimental: functions!(@ $stage),
            doc: $doc,
            id: Id::$id,
        }),*];
    };
    (@ stable) => { false };
    (@ experimental) => { true };
}

functions! {
    Abs "abs" (Vector) 0 Vector stable "Absolute value of each sample."
    Absent "absent" (Vector) 0 Vector stable "1 if the vector is empty, else nothing."
    AbsentOverTime "absent_over_time" (Matrix) 0 Vector stable "1 if there is no sample in the range, else nothing."
    Acos "acos" (Vector) 0 Vector stable "Arccosine, in radians."
    Acosh "acosh" (Vector) 0 Vector stable "Inverse hyperbolic cosine."
    Asin "asin" (Vector) 0 Vector stable "Arcsine, in radians."
    Asinh "asinh" (Vector) 0 Vector stable "Inverse hyperbolic sine."
    Atan "atan" (Vector) 0 Vector stable "Arctangent, in radians."
    Atanh "atanh" (Vector) 0 Vector stable "Inverse hyperbolic tangent."
    AvgOverTime "avg_over_time" (Matrix) 0 Vector stable "Mean of the samples in the range."
    Ceil "ceil" (Vector) 0 Vector stable "Each sample rounded up to a whole number."
    Changes "changes" (Matrix) 0 Vector stable "How often the value changed in the range."
    Clamp "clamp" (Vector, Scalar, Scalar) 0 Vector stable "Each sample kept between a minimum and a maximum."
    ClampMax "clamp_max" (Vector, Scalar) 0 Vector stable "Each sample kept at or below a maximum."
    ClampMin "clamp_min" (Vector, Scalar) 0 Vector stable "Each sample kept at or above a minimum."
    Cos "cos" (Vector) 0 Vector stable "Cosine of radians."
    Cosh "cosh" (Vector) 0 Vector stable "Hyperbolic cosine."
    CountOverTime "count_over_time" (Matrix) 0 Vector stable "Number of samples in the range."
    DayOfMonth "day_of_month" (Vector) 1 Vector stable "Day of the month in UTC, 1 to 31."
    DayOfWeek "day_of_week" (Vector) 1 Vector stable "Day of the week in UTC, 0 is Sunday."
    DayOfYear "day_of_year" (Vector) 1 Vector stable "Day of the year in UTC, 1 to 366."
    DaysInMonth "days_in_month" (Vector) 1 Vector stable "Number of days of the month in UTC, 28 to 31."
    Deg "deg" (Vector) 0 Vector stable "Radians as degrees."
    Delta "delta" (Matrix) 0 Vector stable "Difference between the ends of the range, extrapolated; for gauges."
    Deriv "deriv" (Matrix) 0 Vector stable "Slope per second by linear regression; for gauges."
    DoubleExponentialSmoothing "double_exponential_smoothing" (Matrix, Scalar, Scalar) 0 Vector experimental
        "Value smoothed by level (first factor) and trend (second factor)."
    End "end" () 0 Scalar experimental "End of the query, Unix seconds."
    Exp "exp" (Vector) 0 Vector stable "Exponential function."
    FirstOverTime "first_over_time" (Matrix) 0 Vector stable "Oldest sample in the range."
    Floor "floor" (Vector) 0 Vector stable "Each sample rounded down to a whole number."
    HistogramAvg "histogram_avg" (Vector) 0 Vector stable "Mean of the observations of a native histogram."
    HistogramCount "histogram_count" (Vector) 0 Vector stable "Number of observations of a native histogram."
    HistogramFraction "histogram_fraction" (Scalar, Scalar, Vector) 0 Vector stable
        "Fraction of observations between two values."
    HistogramQuantile "histogram_quantile" (Scalar, Vector) 0 Vector stable
        "Quantile of observations, of native histograms or of classic buckets with the label le."
    HistogramQuantiles "histogram_quantiles" (Vector, String, Scalar, Scalar) 9 Vector experimental
        "Several quantiles of observations, each with its quantile in the given label."
    HistogramStddev "histogram_stddev" (Vector) 0 Vector stable
        "Estimated standard deviation of the observations of a native histogram."
    HistogramStdvar "histogram_stdvar" (Vector) 0 Vector stable
        "Estimated variance of the observations of a native histogram."
    HistogramSum "histogram_sum" (Vector) 0 Vector stable "Sum of the observations of a native histogram."
    Hour "hour" (Vector) 1 Vector stable "Hour of the day in UTC, 0 to 23."
    Idelta "idelta" (Matrix) 0 Vector stable "Difference between the last two samples; for gauges."
    Increase "increase" (Matrix) 0 Vector stable "Growth over the range, extrapolated; for counters."
    Info "info" (Vector, Vector) 1 Vector experimental "Adds the labels of matching info metrics."
    Irate "irate" (Matrix) 0 Vector stable "Growth per second between the last two samples; for counters."
    LabelJoin "label_join" (Vector, String, String, String) -1 Vector stable
        "Sets a label to the values of other labels, joined by a separator."
    LabelReplace "label_replace" (Vector, String, String, String, String) 0 Vector stable
        "Sets a label from another label where a regular expression matches."
    LastOverTime "last_over_time" (Matrix) 0 Vector stable "Newest sample in the range."
    Ln "ln" (Vector) 0 Vector stable "Natural logarithm."
    Log10 "log10" (Vector) 0 Vector stable "Decimal logarithm."
    Log2 "log2" (Vector) 0 Vector stable "Binary logarithm."
    MadOverTime "mad_over_time" (Matrix) 0 Vector experimental
        "Median absolute deviation of the samples in the range."
    MaxOf "max_of" (Scalar, Scalar) 0 Scalar experimental "The larger of two numbers."
    MaxOverTime "max_over_time" (Matrix) 0 Vector stable "Largest sample in the range."
    MinOf "min_of" (Scalar, Scalar) 0 Scalar experimental "The smaller of two numbers."
    MinOverTime "min_over_time" (Matrix) 0 Vector stable "Smallest sample in the range."
    Minute "minute" (Vector) 1 Vector stable "Minute of the hour in UTC, 0 to 59."
    Month "month" (Vector) 1 Vector stable "Month of the year in UTC, 1 to 12."
    Pi "pi" () 0 Scalar stable "The number pi."
    PredictLinear "predict_linear" (Matrix, Scalar) 0 Vector stable
        "Value expected in so many seconds, by linear regression; for gauges."
    PresentOverTime "present_over_time" (Matrix) 0 Vector stable "1 if there is a sample in the range."
    QuantileOverTime "quantile_over_time" (Scalar, Matrix) 0 Vector stable "Quantile of the samples in the range."
    Rad "rad" (Vector) 0 Vector stable "Degrees as radians."
    Range "range" () 0 Scalar experimental "Length of the query, in seconds."
    Rate "rate" (Matrix) 0 Vector stable "Growth per second over the range, extrapolated; for counters."
    Resets "resets" (Matrix) 0 Vector stable "How often the counter was reset in the range."
    Round "round" (Vector, Scalar) 1 Vector stable "Each sample rounded to the nearest multiple of a number, or of 1."
    Scalar "scalar" (Vector) 0 Scalar stable "The value of the only series, or NaN."
    Sgn "sgn" (Vector) 0 Vector stable "Sign of each sample: -1, 0 or 1."
    Sin "sin" (Vector) 0 Vector stable "Sine of radians."
    Sinh "sinh" (Vector) 0 Vector stable "Hyperbolic sine."
    Sort "sort" (Vector) 0 Vector stable "Series by value, ascending; for instant queries."
    SortByLabel "sort_by_label" (Vector, String) -1 Vector experimental
        "Series by the given labels, ascending; for instant queries."
    SortByLabelDesc "sort_by_label_desc" (Vector, String) -1 Vector experimental
        "Series by the given labels, descending; for instant queries."
    SortDesc "sort_desc" (Vector) 0 Vector stable "Series by value, descending; for instant queries."
    Sqrt "sqrt" (Vector) 0 Vector stable "Square root."
    Start "start" () 0 Scalar experimental "Start of the query, Unix seconds."
    StartTimestamp "start_timestamp" (Vector) 0 Vector experimental
        "When the counter of each sample was last zero, Unix seconds."
    StddevOverTime "stddev_over_time" (Matrix) 0 Vector stable "Standard deviation of the samples in the range."
    StdvarOverTime "stdvar_over_time" (Matrix) 0 Vector stable "Variance of the samples in the range."
    Step "step" () 0 Scalar experimental "Step of the query, in seconds."
    SumOverTime "sum_over_time" (Matrix) 0 Vector stable "Sum of the samples in the range."
    Tan "tan" (Vector) 0 Vector stable "Tangent of radians."
    Tanh "tanh" (Vector) 0 Vector stable "Hyperbolic tangent."
    Time "time" () 0 Scalar stable "Time of evaluation, Unix seconds."
    Timestamp "timestamp" (Vector) 0 Vector stable "When each sample was taken, Unix seconds."
    TsOfFirstOverTime "ts_of_first_over_time" (Matrix) 0 Vector experimental
        "When the oldest sample in the range was taken, Unix seconds."
    TsOfLastOverTime "ts_of_last_over_time" (Matrix) 0 Vector experimental
        "When the newest sample in the range was taken, Unix seconds."
    TsOfMaxOverTime "ts_of_max_over_time" (Matrix) 0 Vector experimental
        "When the largest sample in the range was taken, Unix seconds."
    TsOfMinOverTime "ts_of_min_over_time" (Matrix) 0 Vector experimental
        "When the smallest sample in the range was taken, Unix seconds."
    VectorOf "vector" (Scalar) 0 Vector stable "A number as a vector of one series without labels."
    Year "year" (Vector) 1 Vector stable "Year in UTC."
}

/// Every function, by name.
pub fn functions() -> &'static [Function] {
    FUNCTIONS
}

/// The function of that name.
pub fn function(name: &str) -> Option<&'static Function> {
    static BY_NAME: LazyLock<HashMap<&'static str, &'static Function>> =
        LazyLock::new(|| FUNCTIONS.iter().map(|f| (f.name, f)).collect());
    BY_NAME.get(name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_found_by_name() {
        assert!(functions().windows(2).all(|w| w[0].name < w[1].name));
        assert_eq!(function("rate").map(|f| f.signature()), Some("rate(range vector)".to_owned()));
        assert_eq!(
            function("round").map(|f| f.signature()),
            Some("round(instant vector, [scalar])".to_owned())
        );
        assert!(function("nope").is_none());
        assert!(functions().iter().all(|f| f.doc.ends_with('.')));
    }
}
