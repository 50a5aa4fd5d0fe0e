//! JSON documents and Python literals, read by Python.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};
use slipway_core::encode::{json as encode, python};
use zeroize::Zeroizing;

use super::generate::Values;
use super::{Tally, can_judge, cases, judge, same, split_nul};

/// Prints strings, each followed by NUL; a NUL inside is `\0` in letters, which nothing else is.
const PRINT: &str = "
import sys
def tell(texts):
    out = sys.stdout.buffer
    for text in texts:
        out.write(text.replace('\\\\', '\\\\\\\\').replace('\\0', '\\\\0').encode('utf-8', 'surrogatepass') + b'\\0')
";

fn escaped(values: &[String]) -> Vec<String> {
    values.iter().map(|value| value.replace('\\', "\\\\").replace('\0', "\\0")).collect()
}

#[test]
fn python_reads_the_json_that_was_sent() {
    if !can_judge(&["python3"]) {
        return;
    }
    let (mut values, mut tally) = (Values::new(), Tally::default());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("document.json");
    let total = cases(100_000);
    while tally.sent < total {
        let mut sent: Vec<String> = (0..20_000.min(total - tally.sent)).map(|_| values.text()).collect();
        sent.extend((sent.len() > 1_000).then(|| "\0".to_owned()));
        // As keys, as values, and as the secrets that take the place of a text in the document.
        let keys: BTreeMap<String, usize> =
            sent.iter().enumerate().map(|(number, key)| (key.clone(), number)).collect();
        let numbers: Vec<String> = (0..sent.len()).map(|number| number.to_string()).collect();
        let document = json!({ "plain": sent, "filled": numbers, "keys": keys, "deep": { "a": [[{ "b": sent[0] }]] } });
        let mut place = 0;
        let mut fill = |text: &str| {
            place += 1;
            // The second list: each number is replaced by the value of that number.
            let filled = (place > sent.len() && place <= 2 * sent.len()).then(|| sent[place - sent.len() - 1].clone());
            Ok::<_, ()>(Zeroizing::new(filled.unwrap_or_else(|| text.to_owned())))
        };
        let text = tally.count(encode::document(&document, &mut fill)).unwrap();
        tally.sent += sent.len() - 1;
        std::fs::write(&path, text.as_bytes()).unwrap();
        let script = format!(
            "{PRINT}\nimport json\ndocument = json.load(open(sys.argv[1], encoding='utf-8'))\n\
             assert list(document) == ['plain', 'filled', 'keys', 'deep'] and document['plain'] == document['filled']\n\
             assert document['deep'] == {{'a': [[{{'b': document['plain'][0]}}]]}}\n\
             assert all(document['plain'][number] == key for key, number in document['keys'].items())\n\
             tell(document['plain'])"
        );
        same(&split_nul(&judge(Command::new("python3").args(["-c", &script]).arg(&path))), &escaped(&sent));
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["keys"].as_object().unwrap().len(), keys.len());
        tally.judged += sent.len();
    }
    tally.close("JSON", "Python's json");
}

#[test]
fn python_reads_the_literals_that_were_sent() {
    if !can_judge(&["python3"]) {
        return;
    }
    let (mut values, mut tally) = (Values::new(), Tally::default());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.py");
    let total = cases(100_000);
    while tally.sent < total {
        let sent: Vec<String> = (0..20_000.min(total - tally.sent)).map(|_| values.text()).collect();
        let lines: String = sent.iter().map(|value| format!("    {},\n", python::string(value))).collect();
        std::fs::write(&path, format!("{PRINT}\ntell([\n{lines}])\n")).unwrap();
        same(&split_nul(&judge(Command::new("python3").arg(&path))), &escaped(&sent));
        tally.sent += sent.len();
        tally.judged += sent.len();
    }
    tally.close("Python", "Python");
}
