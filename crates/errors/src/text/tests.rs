//! Traces as programs print them.

use super::*;

/// A trace in a few words: `kind: value @ frames`, the outermost exception first.
fn shown(text: &str) -> String {
    let Some(trace) = find(text) else { return "nothing".to_owned() };
    let mut out = format!("{}\n", trace.platform);
    for e in trace.exceptions.iter().rev() {
        let frames: Vec<String> = e
            .stack
            .frames
            .iter()
            .rev()
            .map(|f| {
                let place = if f.line > 0 { format!("{}:{}", f.file, f.line) } else { f.file.clone() };
                format!("{}{}{} {place}", f.module, if f.module.is_empty() { "" } else { "|" }, f.function)
            })
            .collect();
        let module = if e.module.is_empty() { String::new() } else { format!("{}|", e.module) };
        out.push_str(&format!(
            "{module}{}: {} @ {}\n",
            e.kind,
            e.value.replace('\n', "⏎"),
            frames.join(", ")
        ));
    }
    if !trace.before.is_empty() {
        out.push_str(&format!("before: {}\n", trace.before));
    }
    out
}

#[test]
fn python() {
    let text = "2026-11-22 ERROR request failed\nTraceback (most recent call last):\n  File \"/srv/app.py\", line 10, in load\n    return d[k]\n           ~^^^\nKeyError: 'a'\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"/srv/main.py\", line 3, in <module>\n    main()\n  File \"/srv/app.py\", line 14, in main\n    raise shop.errors.NotFound(\"no a\") from e\nshop.errors.NotFound: no a\n";
    assert_eq!(
        shown(text),
        "python\nshop.errors|NotFound: no a @ main /srv/app.py:14, <module> /srv/main.py:3\nKeyError: 'a' @ load /srv/app.py:10\nbefore: 2026-11-22 ERROR request failed\n"
    );
    let trace = find(text).unwrap();
    assert_eq!(trace.exceptions[0].stack.frames[0].source, "return d[k]");
    assert_eq!(
        shown("Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nAssertionError"),
        "python\nAssertionError:  @ f a.py:1\n"
    );
    let escaped = r#"{"level":"error","exc":"Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    g()\nValueError: x"}"#;
    assert!(shown(escaped).contains("ValueError: x"), "{}", shown(escaped));
}

#[test]
fn java() {
    let text = "Exception in thread \"main\" java.lang.RuntimeException: cannot place order\n\tat com.acme.Shop.place(Shop.java:20)\n\tat com.acme.Main.main(Main.java:5)\n\tSuppressed: java.io.IOException: close\n\t\tat com.acme.Shop.close(Shop.java:90)\nCaused by: java.sql.SQLException: connection refused\n\tat com.acme.Db.open(Db.java:44) ~[shop.jar:1.0]\n\tat com.acme.Shop.place(Shop.java:18)\n\t... 1 more\n";
    assert_eq!(
        shown(text),
        "java\njava.lang|RuntimeException: cannot place order @ com.acme.Shop|place Shop.java:20, com.acme.Main|main Main.java:5\njava.sql|SQLException: connection refused @ com.acme.Db|open Db.java:44, com.acme.Shop|place Shop.java:18\n"
    );
    let logged = "2026-11-22 10:00:00,123 ERROR [http-1] c.a.Shop - order failed: 42\njava.lang.IllegalStateException: no stock\n\tat java.base/java.util.Objects.check(Objects.java:1)\n\tat app//com.acme.Shop.check(Shop.java:7)\n";
    assert_eq!(
        shown(logged),
        "java\njava.lang|IllegalStateException: no stock @ java.util.Objects|check Objects.java:1, com.acme.Shop|check Shop.java:7\nbefore: 2026-11-22 10:00:00,123 ERROR [http-1] c.a.Shop - order failed: 42\n"
    );
}

#[test]
fn node() {
    let text = "TypeError: Cannot read properties of undefined (reading 'id')\n    at place (/srv/order.js:3:14)\n    at async /srv/server.js:10:3\n    at Object.handle [as h] (file:///srv/h.mjs:1:2)\n    at process.processTicksAndRejections (node:internal/process/task_queues:95:5) {\n  code: 'X',\n  [cause]: Error: inner\n      at load (/srv/db.js:9:1)\n}\n";
    assert_eq!(
        shown(text),
        "node\nTypeError: Cannot read properties of undefined (reading 'id') @ place /srv/order.js:3, async /srv/server.js:10, Object.handle /srv/h.mjs:1, process.processTicksAndRejections node:internal/process/task_queues:95\n"
            .replace("async /srv", " /srv")
            + "Error: inner @ load /srv/db.js:9\n"
    );
}

#[test]
fn dot_net() {
    let text = "Unhandled exception. System.InvalidOperationException: outer\n ---> System.ArgumentNullException: Value cannot be null. (Parameter 'x')\n   at Shop.Db.Open(String x) in /src/Db.cs:line 12\n   --- End of inner exception stack trace ---\n   at Shop.Orders.<Place>d__12.MoveNext() in /src/Orders.cs:line 30\n--- End of stack trace from previous location ---\n   at Shop.Program.Main(String[] args)\n";
    assert_eq!(
        shown(text),
        "csharp\nSystem|InvalidOperationException: outer @ Shop.Orders.<Place>d__12|MoveNext /src/Orders.cs:30, Shop.Program|Main \nSystem|ArgumentNullException: Value cannot be null. (Parameter 'x') @ Shop.Db|Open /src/Db.cs:12\n"
    );
}

#[test]
fn rust() {
    let old = "thread 'main' panicked at 'index out of bounds: the len is 3 but the index is 5', src/main.rs:4:5\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
    assert_eq!(
        shown(old),
        "rust\npanic: index out of bounds: the len is 3 but the index is 5 @  src/main.rs:4\n"
    );
    let new = "\nthread 'worker-1' (4711) panicked at src/main.rs:4:5:\ncalled `Result::unwrap()` on an `Err` value: Missing\nstack backtrace:\n   0: rust_begin_unwind\n             at /rustc/abc/library/std/src/panicking.rs:665:5\n   1: core::panicking::panic_fmt\n             at /rustc/abc/library/core/src/panicking.rs:76:14\n   2: shop::place::h0123456789abcdef\n             at ./src/main.rs:4:5\n   3: shop::main\n             at ./src/main.rs:9:5\nnote: Some details are omitted\n";
    assert_eq!(
        shown(new),
        "rust\npanic: called `Result::unwrap()` on an `Err` value: Missing @ shop::place::h0123456789abcdef ./src/main.rs:4, shop::main ./src/main.rs:9\n"
    );
    let anyhow = "Error: cannot read the configuration\n\nCaused by:\n    0: cannot open file\n    1: No such file or directory (os error 2)\n\nStack backtrace:\n   0: anyhow::error::new\n   1: shop::load\n             at ./src/load.rs:3:5\n";
    assert_eq!(
        shown(anyhow),
        "rust\nError: cannot read the configuration @ shop::load ./src/load.rs:3\nError: cannot open file @ \nError: No such file or directory (os error 2) @ \n"
    );
}

#[test]
fn go() {
    let text = "panic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x1]\n\ngoroutine 1 [running]:\npanic({0x1, 0x2})\n\t/usr/local/go/src/runtime/panic.go:884 +0x212\nmain.(*Server).handle(0x0, {0xc000, 0x1})\n\t/src/main.go:12 +0x1d\ngithub.com/acme/shop/db.Open(...)\n\t/src/db/db.go:3\nmain.main()\n\t/src/main.go:30 +0x20\n\ngoroutine 5 [chan receive]:\nmain.wait()\n\t/src/wait.go:3 +0x1\ncreated by main.main in goroutine 1\n\t/src/main.go:9 +0x1\nexit status 2\n";
    assert_eq!(
        shown(text),
        "go\nruntime error: invalid memory address or nil pointer dereference @ main|(*Server).handle /src/main.go:12, github.com/acme/shop/db|Open /src/db/db.go:3, main|main /src/main.go:30\n"
    );
    let trace = find(text).unwrap();
    assert_eq!(trace.threads.len(), 1);
    assert_eq!(trace.threads[0].name, "chan receive");
}

#[test]
fn what_is_no_trace() {
    for text in [
        "a line",
        "look at this\nand at that",
        "we panicked at the disco\nreally",
        "Caused by: rain\n",
        "goroutine count is 5\nok",
        "meet me\n  at noon\n  at the corner (of 5th)",
        "panic: none\nof it",
        "",
    ] {
        assert_eq!(shown(text), "nothing", "{text:?}");
    }
    for text in
        ["INFO started in 5 ms", "path C:\\new\\table of contents", "GET /at HTTP/1.1\" 200", "two\nlines"]
    {
        assert!(!may_hold(text), "{text}");
    }
}

#[test]
fn the_filter_lets_every_trace_through() {
    for text in [
        "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nE: x",
        "x\n\tat com.acme.A.b(A.java:1)",
        "TypeError: x\n    at a (/b.js:1:2)",
        "thread 'main' panicked at src/a.rs:1:2:\nx",
        "thread 'main' panicked at 'x', src/a.rs:1:2",
        "panic: x\n\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:1",
        r#"{"stack":"TypeError: x\n    at a (/b.js:1:2)"}"#,
        r#"{"stack":"x\n\tat com.acme.A.b(A.java:1)"}"#,
    ] {
        assert!(may_hold(text), "{text}");
        assert!(find(text).is_some(), "{text}");
    }
}
