//! From what is wanted, what is owned and what is seen to changes in an order in which each of them can be made.
//!
//! Set-up, change of configuration, repair of drift and uninstallation are this one function: a site that leaves wants
//! nothing. Order comes from what resources say that they need.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::difference::Difference;
use super::review::Heading;
use super::{Change, Context, Effect, Id, Leaving, Owned, Record, Removal, Resource, Scope, Way, join};
use crate::notice::Notices;
use crate::seen::Seen;
use crate::site::Name;

/// A resource of the host, and the sites that use it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Shared {
    /// What is recorded of it.
    #[serde(flatten)]
    pub owned: Owned,
    /// Sites that use it.
    pub sites: BTreeSet<Name>,
}

/// What is recorded on a host, as far as one site is concerned.
#[derive(Debug, Clone, Copy)]
pub struct OwnedResources<'a> {
    /// What is the site's.
    pub site: &'a BTreeMap<Id, Owned>,
    /// What is the host's, brought by Slipway for this or another site.
    pub host: &'a BTreeMap<Id, Shared>,
}

impl<'a> OwnedResources<'a> {
    /// What is recorded of a resource.
    pub fn get(&self, id: &Id, scope: Scope) -> Option<&'a Owned> {
        match scope {
            Scope::Site => self.site.get(id),
            Scope::Host => self.host.get(id).map(|shared| &shared.owned),
        }
    }
}

/// What must be asked of a host before `wanted` can be compared with it.
pub fn ask(wanted: &[Resource], ownership: OwnedResources<'_>, questions: &mut crate::seen::Questions) {
    for resource in wanted {
        resource.ask(ownership.get(&resource.id(), resource.scope()), questions);
    }
    let host = ownership.host.iter().map(|(id, shared)| (id, &shared.owned));
    for (id, owned) in ownership.site.iter().chain(host) {
        owned.ask(id, questions);
    }
}

/// What will be recorded of a resource once the plan has been applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// Whose it is.
    pub scope: Scope,
    /// What will be recorded; none: the site has it no longer, and nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Record>,
    /// What must go after it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Id>,
    /// What must follow when it goes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Effect>,
    /// Whether a step brings or removes it. Otherwise it stands, or is gone, and is only recorded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changes: bool,
}

/// A difference, with what decides on its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Move {
    /// The resource.
    pub id: Id,
    /// What is done.
    pub difference: Difference<Change>,
    /// Whether it takes the resource away.
    pub removes: bool,
    /// How it goes live once the site serves.
    pub way: Way,
    /// What must stand before, or must stand until it is gone.
    pub needs: Vec<Id>,
}

/// What differs on a host.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Changes, in no order that counts.
    pub moves: Vec<Move>,
    /// What will be recorded, by resource.
    pub claims: BTreeMap<Id, Claim>,
    /// What a person should know.
    pub notices: Notices,
}

/// Changes in an order in which each can be made.
#[derive(Debug, Default)]
pub struct Converged {
    /// What to do.
    pub changes: Vec<Placed>,
    /// What will be recorded, by resource.
    pub claims: BTreeMap<Id, Claim>,
    /// What a person should know.
    pub notices: Notices,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Placed {
    /// A change of resources.
    Change(Box<Difference<Change>>),
    /// What must follow those before it.
    Effect(Effect),
}

/// Resources that need each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("these need each other: {}", .0.iter().map(Id::as_str).collect::<Vec<_>>().join(", "))]
pub struct Cycle(pub Vec<Id>);

/// Compares what is wanted with what is there, and what is owned with what is wanted.
pub fn compare(
    wanted: &[Resource],
    ownership: OwnedResources<'_>,
    seen: &Seen<'_>,
    site: &Name,
    kept_in: String,
    leaving: Option<Leaving>,
) -> Comparison {
    let host = ownership.host.iter().map(|(id, shared)| (id, &shared.owned));
    let context = Context {
        seen,
        site,
        kept_in,
        wanted_paths: wanted.iter().flat_map(Resource::paths).collect(),
        owned_paths: ownership.site.iter().chain(host).flat_map(|(id, owned)| owned.paths(id)).collect(),
        leaving,
    };
    let mut comparison = Comparison::default();
    let mut ids = BTreeSet::new();
    for resource in wanted {
        if ids.insert(resource.id()) {
            comparison.wanted(resource, ownership, &context);
        }
    }
    for (id, owned) in ownership.site.iter().filter(|(id, _)| !ids.contains(id)) {
        comparison.unwanted(id, owned, Scope::Site, &context);
    }
    for (id, shared) in ownership.host.iter().filter(|(id, _)| !ids.contains(id)) {
        let others = shared.sites.iter().any(|other| other != site);
        if shared.sites.contains(site) && others {
            comparison.claim(
                id,
                Claim { scope: Scope::Host, record: None, needs: Vec::new(), effects: Vec::new(), changes: false },
            );
        } else if !others {
            comparison.unwanted(id, &shared.owned, Scope::Host, &context);
        }
    }
    comparison
}

impl Comparison {
    fn claim(&mut self, id: &Id, claim: Claim) {
        self.claims.insert(id.clone(), claim);
    }

    fn wanted(&mut self, resource: &Resource, ownership: OwnedResources<'_>, context: &Context<'_>) {
        let (id, scope) = (resource.id(), resource.scope());
        let owned = ownership.get(&id, scope);
        let difference = resource.put(owned, context, &mut self.notices);
        let recorded = owned.is_some_and(|owned| owned.records().next().is_some());
        // What is the host's and was there before Slipway came is nobody's to take away.
        if scope == Scope::Site || recorded || difference.is_some() {
            let record = if difference.is_some() { resource.record() } else { resource.kept(owned) };
            let claim = Claim {
                scope,
                record: Some(record),
                needs: resource.leaves_before(),
                effects: resource.effects(),
                changes: difference.is_some(),
            };
            self.claim(&id, claim);
        }
        if let Some(difference) = difference {
            let (needs, way) = (resource.needs(), resource.way(owned));
            self.moves.push(Move { id, difference, removes: false, way, needs });
        }
    }

    fn unwanted(&mut self, id: &Id, owned: &Owned, scope: Scope, context: &Context<'_>) {
        let gone = |changes: bool| Claim { scope, record: None, needs: Vec::new(), effects: Vec::new(), changes };
        match owned.remove(id, context, &mut self.notices) {
            Removal::Gone => self.claim(id, gone(false)),
            Removal::Stays => {
                if let Some(record) = owned.records().next().cloned() {
                    let (needs, effects) = (owned.needs.clone(), owned.effects.clone());
                    self.claim(id, Claim { scope, record: Some(record), needs, effects, changes: false });
                }
            }
            Removal::Change(difference) => {
                self.claim(id, gone(true));
                let needs = owned.needs.clone();
                let way = owned.way();
                self.moves.push(Move { id: id.clone(), difference: *difference, removes: true, way, needs });
            }
        }
    }
}

/// Compares, and puts what differs in order.
///
/// # Errors
/// When resources need each other: a fault of this program.
pub fn converge(
    wanted: &[Resource],
    ownership: OwnedResources<'_>,
    seen: &Seen<'_>,
    site: &Name,
    kept_in: String,
    leaving: Option<Leaving>,
) -> Result<Converged, Cycle> {
    let Comparison { moves, claims, notices } = compare(wanted, ownership, seen, site, kept_in, leaving);
    Ok(Converged { changes: schedule(moves)?, claims, notices })
}

/// Puts changes in an order in which each can be made. What must follow them comes as late as it can, so that it comes
/// once, and before whatever needs it.
///
/// # Errors
/// When resources need each other.
pub fn schedule(mut moves: Vec<Move>) -> Result<Vec<Placed>, Cycle> {
    // What goes, goes after what is new has come; and the way in goes first.
    moves.sort_by_key(|one| (one.removes, if one.removes { rank_of_leaving(one.difference.heading) } else { 0 }));
    let before = predecessors(&moves);
    let mut schedule = Schedule { moves: &moves, before: &before, done: BTreeSet::new(), pending: BTreeMap::new() };
    let mut placed: Vec<Placed> = Vec::new();
    loop {
        if let Some((index, one)) = schedule.next_move() {
            schedule.make(index, one);
            place(&mut placed, one.difference.clone());
        } else if let Some(effect) = schedule.next_effect() {
            schedule.pending.remove(&effect);
            placed.push(Placed::Effect(effect));
        } else {
            let stuck = schedule.open().map(|(_, one)| one.id.clone()).collect::<Vec<_>>();
            return if stuck.is_empty() { Ok(placed) } else { Err(Cycle(stuck)) };
        }
    }
}

/// How far changes are that are put in order.
struct Schedule<'a> {
    moves: &'a [Move],
    /// For each change, those that must be made before it.
    before: &'a [Vec<usize>],
    /// Changes that have their place.
    done: BTreeSet<usize>,
    /// Effects that have none yet, and the changes that ask for them.
    pending: BTreeMap<Effect, BTreeSet<usize>>,
}

impl<'a> Schedule<'a> {
    /// Changes that have no place yet.
    fn open(&self) -> impl Iterator<Item = (usize, &'a Move)> {
        self.moves.iter().enumerate().filter(|(index, _)| !self.done.contains(index))
    }

    fn before(&self, index: usize) -> &'a [usize] {
        self.before.get(index).map(Vec::as_slice).unwrap_or_default()
    }

    /// The first change whose needs stand.
    fn next_move(&self) -> Option<(usize, &'a Move)> {
        self.open().find(|(index, one)| self.before(*index).iter().all(|need| self.stands(*need, one)))
    }

    /// Whether a change is made and what had to follow it has, as far as `of` must wait for that. What waits for an effect
    /// itself takes place with it, together with what it needs.
    fn stands(&self, need: usize, of: &Move) -> bool {
        let same = of.difference.waits_for.as_ref();
        let is_waited_for = |(effect, by): (&Effect, &BTreeSet<usize>)| Some(effect) != same && by.contains(&need);
        self.done.contains(&need) && !self.pending.iter().any(is_waited_for)
    }

    fn make(&mut self, index: usize, one: &Move) {
        for effect in one.difference.effects.iter().filter(|effect| !effect.commands().is_empty()) {
            self.pending.entry(effect.clone()).or_default().insert(index);
        }
        self.done.insert(index);
    }

    /// The effect to place when no change can be: one that a change waits for, or any that is left.
    fn next_effect(&self) -> Option<Effect> {
        let waited_for = |by: &BTreeSet<usize>| {
            self.open().any(|(index, _)| self.before(index).iter().any(|need| by.contains(need)))
        };
        let first = self.pending.iter().find(|(_, by)| waited_for(by)).or_else(|| self.pending.iter().next());
        first.map(|(effect, _)| effect.clone())
    }
}

fn place(placed: &mut Vec<Placed>, difference: Difference<Change>) {
    let difference = match placed.last_mut() {
        Some(Placed::Change(last)) => match join(last, difference) {
            Ok(()) => return,
            Err(difference) => difference,
        },
        Some(Placed::Effect(_)) | None => difference,
    };
    placed.push(Placed::Change(Box::new(difference)));
}

/// For each change, those that must be made before it.
fn predecessors(moves: &[Move]) -> Vec<Vec<usize>> {
    let find = |id: &Id, removes: bool| moves.iter().position(|one| &one.id == id && one.removes == removes);
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); moves.len()];
    for (index, one) in moves.iter().enumerate() {
        for need in &one.needs {
            let Some(other) = find(need, one.removes) else { continue };
            // What comes, comes after what it needs; what goes, goes before it.
            let (first, second) = if one.removes { (index, other) } else { (other, index) };
            if let Some(all) = before.get_mut(second) {
                all.push(first);
            }
        }
    }
    before
}

/// The order in which things go that do not need each other.
fn rank_of_leaving(heading: Heading) -> u8 {
    match heading {
        Heading::WebServer => 0,
        Heading::Services => 1,
        Heading::Configuration => 2,
        Heading::Certificate => 3,
        Heading::Source | Heading::Build | Heading::Release => 4,
        Heading::Directories => 5,
        Heading::User => 6,
        Heading::Firewall => 7,
        Heading::Packages => 8,
        Heading::Records => 9,
    }
}
