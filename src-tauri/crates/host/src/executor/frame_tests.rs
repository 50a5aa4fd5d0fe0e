use proptest::prelude::*;

use super::*;

fn parser() -> Parser {
    Parser::new("n0")
}

fn reply(events: Vec<Event>) -> Vec<Output> {
    events
        .into_iter()
        .find_map(|event| if let Event::Reply { outputs, .. } = event { Some(outputs) } else { None })
        .unwrap()
}

#[test]
fn noise_before_the_ready_line_is_ignored_up_to_a_limit() {
    let mut preamble = Preamble::new("n0");
    assert_eq!(preamble.push(b"Welcome!\nREADY n1\nprompt without newline\n"), Ok(None));
    assert_eq!(preamble.push(b"READY n"), Ok(None));
    assert_eq!(preamble.push(b"0\nrest\n"), Ok(Some(&b"rest\n"[..])));
    let noise = vec![b'x'; 1 << 20];
    assert!(Preamble::new("n0").push(&noise).is_err());
}

#[test]
fn a_reply_is_read() {
    let mut parser = parser();
    parser.expect(7, vec![10, 10, 10]);
    let text = b"P n0 7 0 0\nP n0 7 1 3\nR n0 7 3\n0 3 3 0 0\n3 2 90 1 1\nS 0 0 0 0\na\nb\0\xff!";
    let outputs = reply(parser.push(text).unwrap());
    assert_eq!(outputs[0].stdout, b"a\nb");
    assert_eq!((outputs[1].stdout.as_slice(), outputs[1].stderr.as_slice()), (&b"\0\xff"[..], &b"!"[..]));
    assert!(outputs[1].truncated && !outputs[0].truncated);
    assert_eq!(outputs.iter().map(|o| o.exit).collect::<Vec<_>>(), [Exit::Code(0), Exit::Code(3), Exit::Skipped]);
}

#[test]
fn an_empty_request_and_one_without_output_are_answered_at_once() {
    let mut parser = parser();
    parser.expect(1, vec![]);
    assert!(reply(parser.push(b"R n0 1 0\n").unwrap()).is_empty());
    parser.expect(2, vec![1]);
    assert_eq!(reply(parser.push(b"P n0 2 0 T\nR n0 2 1\nT 0 0 0 0\n").unwrap())[0].exit, Exit::TimedOut);
}

#[test]
fn what_does_not_follow_the_protocol_is_an_error() {
    for bad in [
        "hello\n",
        "P n0 1\n",
        "P nX 1 0 0\n",
        "P n0 2 0 0\n",
        "P n0 1 1 0\n",
        "P n0 1 0 256\n",
        "P n0 1 0 -1\n",
        "P n0 1 0 +1\n",
        "P n0 1 0 0 0\n",
        "P n0 1 0 0\nP n0 1 0 0\n",
        "P n0 1 0 0\nP n0 1 1 0\nP n0 1 2 0\n",
        "R n0 1 1\n",
        "R n0 1 3\n",
        "R n0 1 99999999999999999999999\n",
        "P n0 1 0 0\nR n0 1 2\n1 0 0 0 0\n",
        "P n0 1 0 0\nR n0 1 2\n0 0 0 0\n",
        "P n0 1 0 0\nR n0 1 2\n0 6 6 0 0\n",
        "P n0 1 0 0\nR n0 1 2\n0 0 0 65537 65537\n",
        "P n0 1 0 0\nR n0 1 2\n0 0 0 0 0\n0 0 0 0 0\n",
        "P n0 1 0 0\nR n0 1 2\n0 0 0 0 0\nS 1 1 0 0\n",
        "\u{e9}\n",
    ] {
        let mut parser = parser();
        parser.expect(1, vec![5, 5]);
        assert!(parser.push(bad.as_bytes()).is_err(), "{bad:?}");
    }
    let mut parser = parser();
    assert!(parser.push(b"P n0 1 0 0\n").is_err(), "nothing was asked");
    let mut parser = self::parser();
    assert!(parser.push(&vec![b'P'; 1000]).is_err(), "a line without end");
}

#[test]
fn announced_lengths_allocate_nothing() {
    let mut parser = parser();
    parser.expect(1, vec![usize::MAX]);
    let text = format!("P n0 1 0 0\nR n0 1 1\n0 {0} {0} 0 0\nabc", usize::MAX);
    assert_eq!(parser.push(text.as_bytes()).unwrap().len(), 1, "only the progress");
}

proptest! {
    #[test]
    fn any_split_gives_the_same_outputs(
        bodies in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..40), prop::collection::vec(any::<u8>(), 0..40)), 0..5),
        cuts in prop::collection::vec(1usize..30, 0..60),
    ) {
        let mut text = Vec::new();
        for index in 0..bodies.len() {
            text.extend(format!("P n0 1 {index} 0\n").bytes());
        }
        text.extend(format!("R n0 1 {}\n", bodies.len()).bytes());
        for (out, err) in &bodies {
            text.extend(format!("0 {0} {0} {1} {1}\n", out.len(), err.len()).bytes());
        }
        for (out, err) in &bodies {
            text.extend(out);
            text.extend(err);
        }
        let mut parser = parser();
        parser.expect(1, vec![40; bodies.len()]);
        parser.expect(2, vec![]);
        text.extend(b"R n0 2 0\n");
        let mut events = Vec::new();
        let mut rest = text.as_slice();
        for cut in cuts {
            let (now, later) = rest.split_at(cut.min(rest.len()));
            events.extend(parser.push(now).unwrap());
            rest = later;
        }
        events.extend(parser.push(rest).unwrap());
        let got: Vec<_> = reply(events).into_iter().map(|o| (o.stdout, o.stderr)).collect();
        prop_assert_eq!(got, bodies);
    }

    #[test]
    fn garbage_never_panics_and_never_answers(garbage in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut parser = parser();
        parser.expect(1, vec![100]);
        if let Ok(events) = parser.push(&garbage) {
            prop_assert!(events.is_empty());
        }
    }

    #[test]
    fn changed_bytes_of_a_real_reply_never_panic(at in 0usize..60, byte in any::<u8>()) {
        let mut text = b"P n0 1 0 0\nR n0 1 1\n0 5 5 2 2\nhelloer".to_vec();
        let at = at % text.len();
        text[at] = byte;
        let mut parser = parser();
        parser.expect(1, vec![100]);
        let _ = parser.push(&text);
    }
}
