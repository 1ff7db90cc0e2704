//! Names of functions and files without what varies from build to build, and whose code a frame is.

use crate::event::Frame;

/// A function without addresses, counters of closures and generic arguments.
pub fn function(name: &str) -> String {
    let mut name = name.trim();
    if let Some((head, hash)) = name.rsplit_once("::h")
        && hash.len() == 16
        && hash.bytes().all(|b| b.is_ascii_hexdigit())
    {
        name = head;
    }
    for prefix in ["async ", "new ", "Object.", "Module.", "global.", "void ", "static "] {
        if let Some(rest) = name.strip_prefix(prefix)
            && !rest.is_empty()
        {
            name = rest;
        }
    }
    let name = state_machine(name);
    let name = without_arguments(&name);
    let mut out = String::with_capacity(name.len());
    let mut depth = 0usize;
    let bytes = name.as_bytes();
    for (at, c) in name.char_indices() {
        match c {
            // `<lambda>`, `<anonymous>` and the start of `<T as Trait>::f` are names, `Vec<T>` has arguments.
            '<' if depth > 0 || (at > 0 && bytes[at - 1].is_ascii_alphanumeric()) => depth += 1,
            '>' if depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            c => out.push(c),
        }
    }
    generated(&out)
}

/// What compilers of C# make of a method: `<Run>d__12.MoveNext` is `Run`, `<>c__DisplayClass3_0.<Main>b__0` is `Main`.
fn state_machine(name: &str) -> String {
    let Some(open) = name.rfind('<') else { return name.to_owned() };
    let Some((inner, tail)) = name[open + 1..].split_once('>') else { return name.to_owned() };
    // The class of a lambda: what it is a part of says more than its number.
    if inner.is_empty() && tail.starts_with('c') {
        return name[..open].trim_end_matches(['.', '+']).to_owned();
    }
    let is_ours = tail.starts_with("d__") || tail.starts_with("b__") || tail.starts_with("g__");
    if !is_ours || inner.is_empty() {
        return name.to_owned();
    }
    let local = tail.strip_prefix("g__").and_then(|t| t.split('|').next()).unwrap_or(inner);
    let head = name[..open].trim_end_matches(['.', '+']);
    let head = head.split("<>c").next().unwrap_or("").trim_end_matches(['.', '+']);
    if head.is_empty() { local.to_owned() } else { format!("{head}.{local}") }
}

/// `f(a, b)` is `f`, but `(*Server).handle` stays.
fn without_arguments(name: &str) -> String {
    match name.rfind('(') {
        Some(at) if at > 0 && name.ends_with(')') && !name[..at].ends_with('.') => name[..at].to_owned(),
        _ => name.to_owned(),
    }
}

/// Counters of what compilers and libraries make up.
fn generated(name: &str) -> String {
    let mut name = name.to_owned();
    for marker in
        ["$$Lambda", "$$EnhancerBy", "$$FastClassBy", "$Proxy", "GeneratedMethodAccessor", "$$SpringCGLIB"]
    {
        if let Some(at) = name.find(marker) {
            let end = name[at..].find('.').map_or(name.len(), |dot| at + dot);
            name.replace_range(at + marker.len()..end, "");
        }
    }
    if let Some(rest) = name.strip_suffix("{{vtable.shim}}") {
        name = rest.trim_end_matches(':').to_owned();
    }
    let mut parts = Vec::new();
    for part in name.split(['.', '$']) {
        // Go's `func1`, Java's `lambda$main$0` and `Outer$1`, and what nests in closures.
        let bare = part.trim_end_matches(|c: char| c.is_ascii_digit());
        match bare {
            "" if !parts.is_empty() => {}
            "func" | "gowrap" if parts.last() == Some(&bare) => {}
            "func" | "gowrap" | "lambda" => parts.push(bare),
            _ => parts.push(part),
        }
    }
    parts.join(".").replace("::{{closure}}", "").replace("::{closure#0}", "")
}

/// The last part of a path, without hashes of builds and without a query.
pub fn file(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or("");
    let path = path.strip_prefix("file://").or_else(|| path.strip_prefix("webpack://")).unwrap_or(path);
    let mut parts = path.rsplit(['/', '\\']).filter(|p| !p.is_empty());
    let Some(name) = parts.next() else { return String::new() };
    let name = without_hash(name);
    // Names that every directory has say too little.
    match name.as_str() {
        "__init__.py" | "__main__.py" | "mod.rs" | "index.js" | "index.ts" | "index.tsx" | "index.mjs" => {
            match parts.next() {
                Some(dir) => format!("{dir}/{name}"),
                None => name,
            }
        }
        _ => name,
    }
}

/// `main.3f2a1b9c.js` is `main.js`, `chunk-4FE2A9B1.js` is `chunk.js`.
fn without_hash(name: &str) -> String {
    let is_hash = |p: &str| {
        p.len() >= 6
            && p.bytes().all(|b| b.is_ascii_alphanumeric())
            && p.bytes().any(|b| b.is_ascii_digit())
            && (p.bytes().all(|b| b.is_ascii_hexdigit()) || p.bytes().any(|b| b.is_ascii_uppercase()))
    };
    let parts: Vec<&str> = name.split('.').collect();
    let last = parts.len() - 1;
    let kept: Vec<String> = parts
        .iter()
        .enumerate()
        .filter(|(i, p)| *i == 0 || *i == last || !is_hash(p))
        .map(|(i, p)| match p.rsplit_once('-') {
            Some((head, tail)) if i < last && is_hash(tail) && !head.is_empty() => head.to_owned(),
            _ => (*p).to_owned(),
        })
        .collect();
    kept.join(".")
}

/// The last part of the name of a type: with or without its package it is the same one.
pub fn kind(name: &str) -> &str {
    let name = name.trim();
    let name = name.split('<').next().unwrap_or(name);
    let last = name.rsplit(['.', '$', '+']).next().unwrap_or(name);
    let last = last.rsplit("::").next().unwrap_or(last);
    if last.is_empty() { name } else { last }
}

/// Packages that are nobody's own code, by the beginning of the qualified name.
const LIBRARIES: [&str; 46] = [
    // Java and its kin.
    "java.",
    "javax.",
    "jakarta.",
    "jdk.",
    "sun.",
    "com.sun.",
    "kotlin.",
    "kotlinx.",
    "scala.",
    "groovy.",
    "clojure.",
    "android.",
    "androidx.",
    "org.springframework.",
    "org.apache.",
    "org.hibernate.",
    "org.junit.",
    "io.netty.",
    "reactor.",
    "com.zaxxer.",
    "com.fasterxml.",
    "org.eclipse.jetty.",
    "io.undertow.",
    "okhttp3.",
    "com.google.common.",
    // .NET.
    "System.",
    "Microsoft.",
    "Npgsql.",
    // Go.
    "runtime.",
    "net/http.",
    "reflect.",
    "testing.",
    "sync.",
    "encoding/",
    "database/sql.",
    "google.golang.org/",
    "golang.org/x/",
    // Rust.
    "std::",
    "core::",
    "alloc::",
    "tokio::",
    "rayon::",
    "futures",
    "hyper::",
    "backtrace::",
    "anyhow::",
];

/// The same of files, anywhere in the path.
const LIBRARY_PATHS: [&str; 16] = [
    "site-packages/",
    "dist-packages/",
    "/lib/python",
    "<frozen ",
    "node_modules/",
    "node:",
    "internal/process/",
    "/usr/local/go/src/",
    "/usr/lib/go",
    "/pkg/mod/",
    "/rustc/",
    ".cargo/registry/",
    "/.cargo/git/",
    "/vendor/",
    "/rustlib/src/",
    "webpack/runtime",
];

/// Functions that only start and end programs.
const RUNTIME: [&str; 10] = [
    "main.init",
    "_start",
    "__libc_start_main",
    "rust_begin_unwind",
    "__rust_begin_short_backtrace",
    "lang_start",
    "rust_panic",
    "__rust_try",
    "panic_fmt",
    "clone3",
];

/// Whether a frame is the application's own: what the sender says, else what its names say.
pub fn in_app(frame: &Frame) -> bool {
    if let Some(said) = frame.in_app {
        return said;
    }
    let path = if frame.path.is_empty() { &frame.file } else { &frame.path };
    if LIBRARY_PATHS.iter().any(|p| path.contains(p)) || path.starts_with("native ") || path == "<anonymous>"
    {
        return false;
    }
    let name = frame.function.trim_start_matches(['<', '_', '&']);
    let qualified = if frame.module.is_empty() { name } else { frame.module.as_str() };
    if LIBRARIES.iter().any(|l| qualified.starts_with(l) || name.starts_with(l)) {
        return false;
    }
    let bare = name.rsplit("::").next().unwrap_or(name);
    !RUNTIME.iter().any(|r| bare == *r || name == *r)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_every_build_are_called_alike() {
        for (name, want) in [
            ("app::run::h0123456789abcdef", "app::run"),
            ("app::run::{{closure}}", "app::run"),
            ("<app::A as core::fmt::Display>::fmt", "<app::A as core::fmt::Display>::fmt"),
            ("alloc::vec::Vec<T>::push", "alloc::vec::Vec::push"),
            ("com.acme.Main.lambda$main$0", "com.acme.Main.lambda.main"),
            ("com.acme.Main$$Lambda$14/0x0000000800c8.run", "com.acme.Main.Lambda.run"),
            ("jdk.proxy2.$Proxy12.call", "jdk.proxy2.Proxy.call"),
            ("main.(*Server).handle", "main.(*Server).handle"),
            ("main.main.func1", "main.main.func"),
            ("main.main.func2.1", "main.main.func"),
            ("Shop.Orders.<Place>d__12.MoveNext()", "Shop.Orders.Place"),
            ("Shop.<>c__DisplayClass3_0.<Main>b__0(String x)", "Shop.Main"),
            ("Shop.Prices.<>c__DisplayClass3_0", "Shop.Prices"),
            ("<lambda>", "<lambda>"),
            ("async Object.load", "load"),
            ("new Order", "Order"),
        ] {
            assert_eq!(function(name), want, "{name}");
        }
    }

    #[test]
    fn files_and_types() {
        for (path, want) in [
            ("/srv/app/views.py", "views.py"),
            ("app/__init__.py", "app/__init__.py"),
            ("https://a.example/static/main.3f2a1b9c.js?v=3", "main.js"),
            ("chunk-4FE2A9B1.js", "chunk.js"),
            ("C:\\src\\Order.cs", "Order.cs"),
            ("jquery.min.js", "jquery.min.js"),
            ("", ""),
        ] {
            assert_eq!(file(path), want, "{path}");
        }
        for (name, want) in [
            ("java.lang.IllegalStateException", "IllegalStateException"),
            ("app::Error", "Error"),
            ("KeyError", "KeyError"),
            ("Outer$Inner", "Inner"),
            ("System.Collections.Generic.KeyNotFoundException", "KeyNotFoundException"),
            ("*errors.errorString", "errorString"),
        ] {
            assert_eq!(kind(name), want, "{name}");
        }
    }

    #[test]
    fn whose_code_it_is() {
        let frame = |function: &str, module: &str, file: &str| Frame {
            function: function.into(),
            module: module.into(),
            file: file.into(),
            ..Frame::default()
        };
        for (f, own) in [
            (frame("view", "", "/srv/app/views.py"), true),
            (frame("get", "", "/venv/lib/python3.12/site-packages/requests/api.py"), false),
            (frame("run", "java.lang.Thread", "Thread.java"), false),
            (frame("place", "com.acme.Order", "Order.java"), true),
            (frame("core::panicking::panic_fmt", "", "/rustc/abc/library/core/src/panicking.rs"), false),
            (frame("std::rt::lang_start", "", ""), false),
            (frame("shop::place", "", "src/main.rs"), true),
            (frame("processTicksAndRejections", "", "node:internal/process/task_queues"), false),
        ] {
            assert_eq!(in_app(&f), own, "{f:?}");
        }
        let said = Frame { in_app: Some(true), ..frame("run", "java.lang.Thread", "") };
        assert!(in_app(&said));
    }
}
