//! Long work on a host: a transient systemd unit whose output is read in pieces.
//!
//! Builds and activations take longer than a link lives, so they do not hang on one: the unit goes on
//! by itself, writes to a file in `/run/slipway`, and is asked for news. Stopping it is `systemctl stop`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::command::{Command, Output, Stdin};
use crate::hardening::of_build;
use crate::secret::Secret;
use crate::site::EnvName;

/// A transient unit to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Unit name without suffix; begins with `slipway-run-` so that the host lock sees it at work.
    pub unit: String,
    /// User and group, which is fenced in like a build; root without one.
    pub user: Option<String>,
    /// Program (absolute path) and arguments; never a secret among them.
    pub argv: Vec<String>,
    /// Working directory.
    pub directory: String,
    /// Environment; never a secret among it.
    pub environment: BTreeMap<String, String>,
    /// Secrets that it gets as further variables, by name. Their values come on standard input: see [`lines_of_secrets`].
    pub secrets: Vec<EnvName>,
    /// Directories that it may write to; everything else is read-only. Empty with no user: no fence (root's own work).
    pub writable: Vec<String>,
    /// Paths that it cannot even look at, if they are there.
    pub hidden: Vec<String>,
    /// Seconds after which it is killed.
    pub timeout_s: u64,
}

/// What a task has printed since the last look, and whether it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// New output.
    pub text: Vec<u8>,
    /// Where the next look begins.
    pub offset: u64,
    /// Exit status of the unit's program, once it ended.
    pub ended: Option<Ended>,
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With this status.
    Status(u8),
    /// The unit is gone, and nobody noted how it ended (power loss, or the waiting process was killed).
    Unknown,
}

const START: &str = r#"
set -u
dir=$1 key=$2 fence=$3
shift 3
mkdir -p -m 0700 /run/slipway "$dir" && : >"$dir/$key.out" && rm -f "$dir/$key.status" || exit 1
# The fence: a property a line, behind the version of systemd that knows it; an older one would refuse the whole unit.
version=$(systemctl --version) && version=${version#systemd } && version=${version%%[!0-9]*}
while read -r since property; do
    if [ -n "$since" ] && [ "$since" -le "$version" ]; then set -- "--property=$property" "$@"; fi
done <<END
$fence
END
# shellcheck disable=SC2016 # expanded by the inner shell
setsid sh -c '
    dir=$1 key=$2
    shift 2
    if [ -e "$dir/$key.in" ]; then
        exec <"$dir/$key.in"
        rm -f "$dir/$key.in"
    fi
    # What it prints is kept in memory: the first 8 MiB of it, and the last 64 KiB.
    {
        systemd-run "$@" 2>&1
        echo "$?" >"$dir/$key.status.new"
    } | {
        trap "" XFSZ
        ( ulimit -f 16384 && exec cat >>"$dir/$key.out" ) 2>/dev/null || {
            tail -c 65536 >"$dir/$key.rest"
            { printf "\\n[more than 8 MiB were printed; what came between is not kept]\\n"; cat "$dir/$key.rest"; } >>"$dir/$key.out"
        }
    }
    mv "$dir/$key.status.new" "$dir/$key.status"
' sh "$dir" "$key" "$@" </dev/null >/dev/null 2>&1 &
"#;

/// Reads variables, one a line, and becomes the program.
const WITH_SECRETS: &str = r#"while IFS= read -r line; do export "$line"; done; exec "$@" </dev/null"#;

const POLL: &str = r#"
set -u
out=$1/$2.out status=$1/$2.status offset=$3 unit=$4
turn=0
while :; do
    state=running
    if [ -e "$status" ]; then read -r state <"$status"; fi
    size=$(stat -c %s "$out") || exit 1
    if [ "$size" -gt "$offset" ] || [ "$state" != running ]; then break; fi
    turn=$((turn + 1))
    if [ "$turn" -ge 10 ]; then
        case $(systemctl show -p ActiveState "$unit" 2>/dev/null) in
        *=active | *=activating | *=deactivating | *=reloading) ;;
        # Who notes the status may do so and end between a look at the one and a look at the other.
        *) [ -e "$status" ] || pgrep -f "unit=$unit" >/dev/null 2>&1 || [ -e "$status" ] || state=gone ;;
        esac
        break
    fi
    sleep 0.1
done
printf '%s %s\n' "$state" "$size"
tail -c "+$((offset + 1))" "$out" | head -c 131072
"#;

impl Task {
    /// Starts the task; its output goes to `/run/slipway/RUN/KEY.out`. It reads `/run/slipway/RUN/KEY.in`, if that
    /// is there; the file is removed as soon as it is open.
    pub fn start(&self, run: &str, key: &str) -> Command {
        let fence: Vec<String> =
            self.user.iter().flat_map(|_| of_build()).map(|(since, line)| format!("{since} {line}")).collect();
        let mut arguments = vec![run_directory(run), key.to_owned(), fence.join("\n")];
        let mut property = |text: String| arguments.extend(["-p".to_owned(), text]);
        property(format!("RuntimeMaxSec={}", self.timeout_s));
        property("CollectMode=inactive-or-failed".to_owned());
        property(format!("WorkingDirectory={}", self.directory));
        if self.user.is_none() {
            // Told to stop, root's own work may first have to put things back: that takes as long as it takes.
            property(format!("TimeoutStopSec={}", self.timeout_s));
        }
        if let Some(user) = &self.user {
            property(format!("User={user}"));
            property(format!("Group={user}"));
            property("UMask=0022".to_owned());
            // A build must not starve the site that is being served.
            property("CPUWeight=20".to_owned());
            property("IOWeight=20".to_owned());
            property("MemoryHigh=80%".to_owned());
            property("OOMScoreAdjust=500".to_owned());
            for path in &self.writable {
                property(format!("ReadWritePaths={path}"));
            }
            for path in &self.hidden {
                property(format!("InaccessiblePaths=-{path}"));
            }
        }
        arguments.extend(["-q", "--wait", "--pipe"].map(str::to_owned));
        arguments.push(format!("--unit={}", self.unit));
        for (name, value) in &self.environment {
            arguments.push(format!("--setenv={name}={value}"));
        }
        arguments.push("--".to_owned());
        let argv = match self.secrets.is_empty() {
            true => self.argv.clone(),
            false => {
                let reader = ["/bin/sh", "-c", WITH_SECRETS, "sh"].map(str::to_owned);
                reader.into_iter().chain(self.argv.iter().cloned()).collect()
            }
        };
        // The program's path is taken as it is; its arguments go through the service manager's expansion.
        arguments.extend(argv.iter().take(1).cloned());
        arguments.extend(argv.iter().skip(1).map(|word| literal(word)));
        Command::script(START, arguments).timeout(Duration::from_secs(20))
    }

    /// Asks for what was printed after byte `offset`; waits up to a second for something new.
    pub fn poll(&self, run: &str, key: &str, offset: u64) -> Command {
        Command::script(POLL, [run_directory(run), key.to_owned(), offset.to_string(), self.unit.clone()])
            .timeout(Duration::from_secs(30))
            .output_limit(256 << 10)
    }

    /// Stops the task and everything that it started.
    pub fn stop(&self) -> Command {
        Command::new(["systemctl", "stop", &format!("{}.service", self.unit)])
    }

    /// Asks the task to end by itself: its processes get SIGTERM. Does not wait.
    pub fn ask_to_stop(&self) -> Command {
        Command::new(["systemctl", "stop", "--no-block", &format!("{}.service", self.unit)])
    }
}

/// An argument of `systemd-run` that reaches the program as `word`: the manager (247 to 257 alike) puts values for `$X`
/// and `${X}` and makes one dollar of two; `--expand-environment=no` exists only since 254.
pub(crate) fn literal(word: &str) -> String {
    word.replace('$', "$$")
}

/// The command that leaves `content` where only the task of run and key reads it: as its standard input.
pub fn offer(run: &str, key: &str, content: &Secret) -> Command {
    let script = r#"umask 077; mkdir -p -m 0700 /run/slipway "$1" && cat >"$1/$2.in""#;
    Command::script(script, [run_directory(run), key.to_owned()]).stdin(Stdin::Secret(content.clone()))
}

/// Variables of a task, as it reads them. `values` holds what has a name in [`Task::secrets`].
///
/// # Errors
/// The name of one that has no value, or none that fits into a line.
pub fn lines_of_secrets(task: &Task, values: &BTreeMap<String, Secret>) -> Result<Secret, EnvName> {
    let mut lines: Vec<u8> = Vec::new();
    for name in &task.secrets {
        let value = values.get(name.as_str()).map(Secret::expose).ok_or_else(|| name.clone())?;
        if value.iter().any(|byte| matches!(byte, b'\n' | 0)) {
            return Err(name.clone());
        }
        lines.extend_from_slice(name.as_str().as_bytes());
        lines.push(b'=');
        lines.extend_from_slice(value);
        lines.push(b'\n');
    }
    Ok(Secret::new(lines))
}

/// Removes the files that a run left in `/run/slipway`.
pub fn clean_up(run: &str) -> Command {
    Command::new(["rm", "-rf", "--", &run_directory(run)])
}

/// `/run/slipway/RUN`: files of one run, gone at the next boot.
pub fn run_directory(run: &str) -> String {
    format!("/run/slipway/{run}")
}

/// Reads the reply to [`Task::poll`] that asked from `offset`.
///
/// # Errors
/// What is wrong, when it is not such a reply.
pub fn parse_news(output: &Output, offset: u64) -> Result<News, String> {
    if !output.success() {
        return Err(format!("the task's output could not be read: {}", output.complaint()));
    }
    let end = output.stdout.iter().position(|byte| *byte == b'\n').ok_or("the task's state was cut off")?;
    let (head, rest) = output.stdout.split_at(end);
    let head = std::str::from_utf8(head).map_err(|_| "the task's state is not text")?;
    let text = rest.get(1..).unwrap_or_default().to_vec();
    let (state, size) = head.split_once(' ').ok_or("the task's state has no size")?;
    let size: u64 = size.parse().map_err(|_| "the task's size is not a number")?;
    let next = offset + text.len() as u64;
    let ended = match state {
        "running" => None,
        "gone" => Some(Ended::Unknown),
        code => Some(Ended::Status(code.parse().map_err(|_| "the task's status is not a number")?)),
    };
    // What is left to read comes first; the end is told with the last piece.
    let ended = if next < size && !text.is_empty() { None } else { ended };
    Ok(News { text, offset: next, ended })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_of_arguments_reach_the_program() {
        let task = Task {
            unit: "slipway-run-x".to_owned(),
            user: None,
            argv: ["/opt/$a/b", "echo ${HOME} $$", "$X"].map(str::to_owned).to_vec(),
            directory: "/".to_owned(),
            environment: BTreeMap::new(),
            secrets: Vec::new(),
            writable: Vec::new(),
            hidden: Vec::new(),
            timeout_s: 1,
        };
        let argv = task.start("run", "key").argv;
        assert_eq!(argv.get(argv.len() - 3..).unwrap(), ["/opt/$a/b", "echo $${HOME} $$$$", "$$X"]);
    }
}
