//! Users and groups, as the host's name service lists them (getent(1)).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::reply::{Reply, excerpt, fact, number, plain, script};
use crate::command::{Command, Output};
use crate::fact::Fact;

/// A user (passwd(5)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Login name.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Id of the primary group.
    pub gid: u32,
    /// Home directory.
    pub home: String,
    /// Login shell; empty means /bin/sh.
    pub shell: String,
}

/// A group (group(5)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Group name.
    pub name: String,
    /// Group id.
    pub gid: u32,
    /// Users for whom it is a supplementary group.
    pub members: Vec<String>,
}

/// Facts about users and groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    /// Users, in the order of the name service.
    pub users: Fact<Vec<User>>,
    /// Groups, in the order of the name service.
    pub groups: Fact<Vec<Group>>,
}

/// Asks for users and groups.
pub fn command() -> Command {
    Command::script(script!("accounts.sh"), [""; 0]).timeout(Duration::from_secs(20)).output_limit(4 << 20)
}

/// Reads the answer to [`command`].
pub fn parse(output: &Output) -> Accounts {
    match Reply::read(output) {
        Ok(reply) => Accounts {
            users: fact(lines(&reply, "users", user).map(Some)),
            groups: fact(lines(&reply, "groups", group).map(Some)),
        },
        Err(reason) => Accounts { users: Fact::Failed(reason.clone()), groups: Fact::Failed(reason) },
    }
}

fn lines<T>(reply: &Reply<'_>, name: &str, read: fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    let text = reply.need(name)?.good()?;
    let all: Vec<T> = text
        .lines()
        .map(|line| read(line).ok_or_else(|| format!("{name}: {}", excerpt(line))))
        .collect::<Result<_, _>>()?;
    if all.is_empty() { Err(format!("{name}: the list is empty")) } else { Ok(all) }
}

fn user(line: &str) -> Option<User> {
    let fields: Vec<&str> = plain(line, 4096)?.split(':').collect();
    let [name, _, uid, gid, _, home, shell] = fields.as_slice() else { return None };
    let name = (!name.is_empty()).then(|| (*name).to_owned())?;
    Some(User { name, uid: number(uid)?, gid: number(gid)?, home: (*home).into(), shell: (*shell).into() })
}

fn group(line: &str) -> Option<Group> {
    let fields: Vec<&str> = plain(line, 1 << 20)?.split(':').collect();
    let [name, _, gid, members] = fields.as_slice() else { return None };
    let name = (!name.is_empty()).then(|| (*name).to_owned())?;
    let members = members.split(',').filter(|member| !member.is_empty()).map(str::to_owned).collect();
    Some(Group { name, gid: number(gid)?, members })
}
