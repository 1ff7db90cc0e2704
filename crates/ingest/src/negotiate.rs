//! From the headers of a request to the decoder that understands its body.

use crate::compress::Encoding;
use crate::error::{DecodeError, quote};
use crate::exposition::Format;

/// A remote write message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WriteMessage {
    /// `prometheus.WriteRequest`.
    V1,
    /// `io.prometheus.write.v2.Request`.
    V2,
}

const V1: &str = "prometheus.WriteRequest";
const V2: &str = "io.prometheus.write.v2.Request";

/// The message and compression of a remote write request. As receivers have always done, a missing content type
/// is taken for 1.0 and a missing encoding for snappy.
pub fn remote_write(
    content_type: Option<&str>,
    content_encoding: Option<&str>,
) -> Result<(WriteMessage, Encoding), DecodeError> {
    let given = content_type.unwrap_or("application/x-protobuf");
    let media = Media::parse(given);
    let message = match (media.kind.as_str(), media.parameter("proto")) {
        ("application/x-protobuf", None | Some(V1)) => WriteMessage::V1,
        ("application/x-protobuf", Some(V2)) => WriteMessage::V2,
        _ => {
            return Err(DecodeError::Unsupported(format!(
                "content type {} is not a remote write message; accepted are application/x-protobuf;proto={V1} \
                 (also without proto) and application/x-protobuf;proto={V2}",
                quote(given.as_bytes())
            )));
        }
    };
    Ok((message, encoding(content_encoding, Encoding::Snappy)?))
}

/// The format and compression of a pushed exposition. A missing content type is taken for the text format, a
/// missing encoding for none.
pub fn push(
    content_type: Option<&str>,
    content_encoding: Option<&str>,
) -> Result<(Format, Encoding), DecodeError> {
    let given = content_type.unwrap_or("text/plain");
    let Some(format) = exposition(given) else {
        return Err(DecodeError::Unsupported(format!(
            "content type {} is not an exposition; accepted are text/plain;version=0.0.4, \
             application/openmetrics-text;version=1.0.0 and \
             application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
            quote(given.as_bytes())
        )));
    };
    Ok((format, encoding(content_encoding, Encoding::Identity)?))
}

/// The format that a content type announces. `text/plain` and what curl sends by itself are the text format.
pub fn exposition(content_type: &str) -> Option<Format> {
    let media = Media::parse(content_type);
    match media.kind.as_str() {
        "text/plain" | "application/x-www-form-urlencoded" | "application/octet-stream" | "" => {
            Some(Format::Text)
        }
        "application/openmetrics-text" => Some(Format::OpenMetrics),
        "application/vnd.google.protobuf" => {
            let family = media.parameter("proto").is_none_or(|p| p == "io.prometheus.client.MetricFamily");
            let delimited = media.parameter("encoding").is_none_or(|e| e == "delimited");
            (family && delimited).then_some(Format::Protobuf)
        }
        _ => None,
    }
}

/// The format to expose in, by an `Accept` header: protocol buffers where the client prefers them to the text format.
pub fn accepted_exposition(accept: &str) -> Format {
    let mut best = (0.0, Format::Text);
    for item in accept.split(',') {
        let media = Media::parse(item);
        let format = match media.kind.as_str() {
            "application/vnd.google.protobuf" if media.parameter("encoding") == Some("delimited") => {
                match media.parameter("proto") {
                    Some("io.prometheus.client.MetricFamily") => Format::Protobuf,
                    _ => continue,
                }
            }
            "text/plain" | "text/*" | "*/*" => Format::Text,
            _ => continue,
        };
        let quality = media.parameter("q").map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0));
        // Of equals the first is meant.
        if quality > best.0 {
            best = (quality, format);
        }
    }
    best.1
}

/// The compression that a `Content-Encoding` announces; `default` if there is none.
pub fn encoding(given: Option<&str>, default: Encoding) -> Result<Encoding, DecodeError> {
    match given.map(|e| e.trim().to_ascii_lowercase()).as_deref() {
        None | Some("") => Ok(default),
        Some("identity") => Ok(Encoding::Identity),
        Some("snappy") => Ok(Encoding::Snappy),
        Some("zstd") => Ok(Encoding::Zstd),
        Some("gzip" | "x-gzip") => Ok(Encoding::Gzip),
        Some("deflate") => Ok(Encoding::Zlib),
        Some("br") => Ok(Encoding::Brotli),
        Some(other) => Err(DecodeError::Unsupported(format!(
            "content encoding {} is not supported; accepted are snappy, zstd, gzip, deflate, br and identity",
            quote(other.as_bytes())
        ))),
    }
}

/// A media type and its parameters.
struct Media {
    kind: String,
    parameters: Vec<(String, String)>,
}

impl Media {
    fn parse(text: &str) -> Media {
        let mut parts = text.split(';');
        let kind = parts.next().unwrap_or("").trim().to_ascii_lowercase();
        let parameters = parts
            .filter_map(|p| p.split_once('='))
            .map(|(k, v)| (k.trim().to_ascii_lowercase(), v.trim().trim_matches('"').to_owned()))
            .collect();
        Media { kind, parameters }
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remote_write_headers() {
        use Encoding::*;
        use WriteMessage::*;
        for (kind, encoding, want) in [
            (None, None, (V1, Snappy)),
            (Some("application/x-protobuf"), Some("snappy"), (V1, Snappy)),
            (Some("application/x-protobuf;proto=prometheus.WriteRequest"), Some("zstd"), (V1, Zstd)),
            (
                Some("application/x-protobuf; proto=io.prometheus.write.v2.Request"),
                Some("SNAPPY"),
                (V2, Snappy),
            ),
            (
                Some("Application/X-Protobuf;proto=\"io.prometheus.write.v2.Request\""),
                Some("gzip"),
                (V2, Gzip),
            ),
            (Some("application/x-protobuf"), Some("identity"), (V1, Identity)),
        ] {
            assert_eq!(remote_write(kind, encoding).unwrap(), want, "{kind:?} {encoding:?}");
        }
        let message = |kind, encoding| remote_write(kind, encoding).unwrap_err().to_string();
        assert_eq!(
            message(Some("application/json"), None),
            "content type \"application/json\" is not a remote write message; accepted are \
             application/x-protobuf;proto=prometheus.WriteRequest (also without proto) and \
             application/x-protobuf;proto=io.prometheus.write.v2.Request"
        );
        assert!(
            message(Some("application/x-protobuf;proto=prometheus.Other"), None).contains("prometheus.Other")
        );
        assert_eq!(
            message(None, Some("lzma")),
            "content encoding \"lzma\" is not supported; accepted are snappy, zstd, gzip, deflate, br and identity"
        );
    }

    #[test]
    fn expositions_are_chosen_by_preference() {
        const PROTO: &str =
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
        for (accept, want) in [
            ("", Format::Text),
            ("*/*", Format::Text),
            (PROTO, Format::Protobuf),
            (
                &format!("{PROTO};q=0.7,application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.4"),
                Format::Protobuf,
            ),
            (&format!("text/plain;version=0.0.4;q=0.5, {PROTO};q=0.2, */*;q=0.1"), Format::Text),
            (&format!("{PROTO};q=0"), Format::Text),
            ("application/vnd.google.protobuf;encoding=text", Format::Text),
        ] {
            assert_eq!(accepted_exposition(accept), want, "{accept}");
        }
    }

    #[test]
    fn exposition_headers() {
        for (kind, want) in [
            ("text/plain; version=0.0.4; charset=utf-8", Some(Format::Text)),
            ("application/openmetrics-text;version=1.0.0", Some(Format::OpenMetrics)),
            (
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
                Some(Format::Protobuf),
            ),
            ("application/vnd.google.protobuf; encoding=text", None),
            ("text/html", None),
        ] {
            assert_eq!(exposition(kind), want, "{kind}");
        }
        assert!(push(Some("text/html"), None).unwrap_err().to_string().contains("text/plain;version=0.0.4"));
        assert_eq!(push(None, None).unwrap(), (Format::Text, Encoding::Identity));
    }
}
