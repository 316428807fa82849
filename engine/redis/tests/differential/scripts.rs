//! Scripts that are not random: edges of the language, of its libraries and of what scripts may do.

use crate::harness::Host;
use crate::requests::Request;
use crate::server::RealServer;

/// Goal: every one of these scripts gets the reply of Redis, in both protocols.
///
/// Method: each is sent as EVAL with the same keys and arguments to both, from the same data; all that
/// differ are listed together.
#[test]
fn scripts_get_the_replies_of_redis() {
    // Replies are read by recursion, and some are nested as deep as Lua's stack.
    let reader = std::thread::Builder::new().stack_size(64 << 20);
    let reader = reader.spawn(compare_scripts).expect("a thread");
    reader.join().expect("no difference");
}

fn compare_scripts() {
    let Some(mut server) = RealServer::start() else {
        return;
    };
    let mut host = Host::new();
    let mut differences = String::new();
    let mut compare = |request: &Request| {
        eprintln!("{}", request[1].escape_ascii());
        let theirs = server.pipeline(std::slice::from_ref(request)).remove(0);
        let args: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
        let ours = host.command(&args);
        if theirs != ours {
            let shown: Vec<String> = request
                .iter()
                .map(|arg| arg.escape_ascii().to_string())
                .collect();
            differences += &format!(
                "{}\n  redis: {}\n  here:  {}\n",
                shown.join(" "),
                theirs.escape_ascii(),
                ours.escape_ascii()
            );
        }
    };
    let words = |words: &[&str]| -> Request {
        words.iter().map(|word| word.as_bytes().to_vec()).collect()
    };
    for preparation in [
        &["SET", "s", "text"][..],
        &["RPUSH", "l", "1", "2", "3"],
        &["HSET", "h", "f", "v"],
        &["ZADD", "z", "1.5", "m"],
        &["SADD", "t", "7"],
    ] {
        compare(&words(preparation));
    }
    let text = include_str!("scripts.txt");
    for script in text.split("\n---\n") {
        compare(&words(&["EVAL", script, "2", "s", "l", "arg", "10", "x\0y"]));
        compare(&words(&["EVAL_RO", script, "0"]));
    }
    drop(compare);
    assert!(differences.is_empty(), "{differences}");
}
