//! Kinds of things on a host that Slipway brings, changes and takes away.
//!
//! One module holds everything that is particular to a kind: identity and scope, what must be looked at, how what is
//! wanted differs from what is there, the commands of a change and of its removal, what is recorded, and the words for a
//! person. [`converge`] turns wanted, owned and seen resources into steps. To add a kind: write its module and add
//! its line to `kinds!` below; the compiler names what is missing.

pub mod ageing;
pub mod certificate;
pub mod converge;
pub mod default_server;
pub mod difference;
pub mod directory;
pub mod effect;
pub mod file;
pub mod firewall;
mod id;
pub mod log_files;
mod owned;
pub mod package;
pub mod review;
pub mod unit;
pub mod user;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use converge::{Claim, Converged, Cycle, Move, OwnedResources, Placed, Shared, converge};
pub use difference::{Difference, Removal};
pub use effect::Effect;
pub use id::Id;
pub use owned::{Owned, Picked, Recorded};
pub use review::{Heading, Risk, Verb};

use crate::command::Command;
use crate::diff::{FileChange, FileDiff};
use crate::notice::Notices;
use crate::secret::Secret;
use crate::seen::{Questions, Seen};
use crate::site::{Name, Site};

/// Contents that a plan does not hold, by path: files with secrets, keys. In memory only.
pub type Payloads = BTreeMap<String, Secret>;

/// A change cannot be made: the content of a file that the plan does not hold was not rendered again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the content of {0} was not rendered")]
pub struct NoPayload(pub String);

/// Who a resource belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// One site: it goes with the site.
    Site,
    /// The host: several sites may use it. It goes with the last of them, if Slipway brought it.
    Host,
}

/// How a change goes live once the site serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// At once.
    Direct,
    /// With the next release, or at once where none is made.
    Either,
    /// With a release, so that it is proved first and comes back with it.
    Release,
}

/// How a change is carried out.
#[derive(Debug, Clone)]
pub enum Work {
    /// Commands, which travel together with those of other steps.
    Commands(Vec<Command>),
    /// Programs that take their time and outlive a link, one after the other.
    Programs(Vec<Vec<String>>),
}

/// What only this computer can make for a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Supply {
    /// A self-signed certificate and its key, as contents of two files.
    SelfSigned {
        /// DNS names and addresses.
        names: Vec<String>,
        /// Seconds since 1970 from which on it is valid.
        from: u64,
        /// Seconds since 1970 until which it is valid.
        until: u64,
        /// Path of the certificate.
        certificate: String,
        /// Path of the key.
        key: String,
    },
}

/// The end of a site on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaving {
    /// Whether its data, log files and user go, too.
    pub data: bool,
    /// Whether something stays that belongs to the site's user.
    pub user_stays: bool,
}

/// What a kind looks at while it compares.
#[derive(Debug)]
pub struct Context<'a> {
    /// The host.
    pub seen: &'a Seen<'a>,
    /// The site that is planned.
    pub site: &'a Name,
    /// Where files that would be lost are kept.
    pub kept_in: String,
    /// Paths that wanted resources occupy.
    pub wanted_paths: BTreeSet<String>,
    /// Paths that owned resources occupy.
    pub owned_paths: BTreeSet<String>,
    /// Set when the site leaves the host.
    pub leaving: Option<Leaving>,
}

/// A kind of resource. The value is what is wanted.
pub trait Kind: Clone + std::fmt::Debug + PartialEq + Sized + Into<Resource> {
    /// First part of ids.
    const NAME: &'static str;
    /// What is recorded.
    type Record: Clone + std::fmt::Debug + PartialEq + Serialize + for<'a> Deserialize<'a>;
    /// What a step does.
    type Change: Clone + std::fmt::Debug + PartialEq + Serialize + for<'a> Deserialize<'a>;

    /// Those that a site file asks for by itself, whatever else the site needs.
    fn of_site(_site: &Site) -> Vec<Self> {
        Vec::new()
    }
    /// The resource of this name.
    fn id_of(name: &str) -> Id {
        Id::new(Self::NAME, name)
    }

    /// Name within the kind.
    fn name(&self) -> String;
    /// Whose it is.
    fn scope(&self) -> Scope;
    /// What must stand before. Ids that are not planned are taken to stand.
    fn needs(&self) -> Vec<Id>;
    /// What will be recorded.
    fn record(&self) -> Self::Record;
    /// What is recorded of one that stands as it is wanted and was recorded before.
    fn kept(&self, _there: &Self::Record) -> Self::Record {
        self.record()
    }
    /// What must stand until it is gone: by default what it needs.
    fn leaves_before(&self) -> Vec<Id> {
        self.needs()
    }
    /// What must follow a change.
    fn effects(&self) -> Vec<Effect> {
        Vec::new()
    }
    /// How a change of it goes live once the site serves.
    fn way(&self, _recorded: Recorded<'_, Self::Record>) -> Way {
        Way::Direct
    }
    /// How one with this record goes once the site serves.
    fn way_of(_record: &Self::Record) -> Way {
        Way::Direct
    }
    /// Paths that one with this name and record occupies.
    fn paths_of(_name: &str, _record: &Self::Record) -> Vec<String> {
        Vec::new()
    }

    /// What must be looked at to compare it.
    fn ask(&self, recorded: Recorded<'_, Self::Record>, questions: &mut Questions);
    /// What must be looked at to take away one that is owned.
    fn ask_of(name: &str, recorded: Recorded<'_, Self::Record>, questions: &mut Questions);
    /// How what is wanted differs from what is there.
    fn put(
        &self,
        recorded: Recorded<'_, Self::Record>,
        context: &Context<'_>,
        notices: &mut Notices,
    ) -> Option<Difference<Self::Change>>;
    /// What becomes of one that is owned and not wanted.
    fn remove(
        name: &str,
        recorded: Recorded<'_, Self::Record>,
        context: &Context<'_>,
        notices: &mut Notices,
    ) -> Removal<Self::Change>;
    /// Makes one step of two that follow each other, where that is possible.
    ///
    /// # Errors
    /// The second one, when it stays a step of its own.
    #[allow(clippy::result_large_err, reason = "the second difference is handed back whole")]
    fn join(
        _first: &mut Difference<Self::Change>,
        second: Difference<Self::Change>,
    ) -> Result<(), Difference<Self::Change>> {
        Err(second)
    }

    /// How the change is carried out.
    ///
    /// # Errors
    /// When the content of a file is missing.
    fn work(change: &Self::Change, payloads: &Payloads) -> Result<Work, NoPayload>;
    /// What this computer must make for it first.
    fn supplies(_change: &Self::Change) -> Vec<Supply> {
        Vec::new()
    }
    /// What a person reads beside title and reason.
    fn about(change: &Self::Change) -> Vec<String>;
    /// Commands for reading; nothing runs them as text.
    fn shown(_change: &Self::Change) -> Vec<Vec<String>> {
        Vec::new()
    }
    /// Files that change.
    fn files(_change: &Self::Change, _diff: Option<&FileDiff>) -> Vec<FileChange> {
        Vec::new()
    }
}

/// Registers kinds: makes the enumerations over them and hands every question over to the kind.
macro_rules! kinds {
    ($($variant:ident => $kind:ty,)+) => {
        /// A resource that is wanted.
        #[derive(Debug, Clone, PartialEq)]
        #[allow(missing_docs)]
        pub enum Resource { $($variant($kind),)+ }

        /// What is recorded of a resource.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "kebab-case")]
        #[allow(missing_docs)]
        pub enum Record { $($variant(<$kind as Kind>::Record),)+ }

        /// A change of resources.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "kebab-case")]
        #[allow(missing_docs)]
        pub enum Change { $($variant(<$kind as Kind>::Change),)+ }

        $(
            impl From<$kind> for Resource {
                fn from(kind: $kind) -> Self { Self::$variant(kind) }
            }
            impl owned::Picked for $kind {
                fn pick(record: &Record) -> Option<&Self::Record> {
                    if let Record::$variant(record) = record { Some(record) } else { None }
                }
            }
        )+

        impl Resource {
            /// Those of every kind that a site file asks for by itself.
            pub fn of_site(site: &Site) -> Vec<Self> {
                let mut all = Vec::new();
                $(all.extend(<$kind>::of_site(site).into_iter().map(Self::$variant));)+
                all
            }
            /// Its identity.
            pub fn id(&self) -> Id {
                match self { $(Self::$variant(kind) => <$kind>::id_of(&kind.name()),)+ }
            }
            /// Whose it is.
            pub fn scope(&self) -> Scope {
                match self { $(Self::$variant(kind) => kind.scope(),)+ }
            }
            /// What must stand before.
            pub fn needs(&self) -> Vec<Id> {
                match self { $(Self::$variant(kind) => kind.needs(),)+ }
            }
            /// What must follow a change.
            pub fn effects(&self) -> Vec<Effect> {
                match self { $(Self::$variant(kind) => kind.effects(),)+ }
            }
            /// What will be recorded.
            pub fn record(&self) -> Record {
                match self { $(Self::$variant(kind) => Record::$variant(kind.record()),)+ }
            }
            /// What must stand until it is gone.
            pub fn leaves_before(&self) -> Vec<Id> {
                match self { $(Self::$variant(kind) => kind.leaves_before(),)+ }
            }
            /// What is recorded of one that stands as it is wanted.
            pub fn kept(&self, owned: Option<&Owned>) -> Record {
                match self { $(Self::$variant(kind) => {
                    let there = Recorded::of::<$kind>(owned).there;
                    Record::$variant(there.map_or_else(|| kind.record(), |there| kind.kept(there)))
                })+ }
            }
            /// How a change of it goes live once the site serves.
            pub fn way(&self, owned: Option<&Owned>) -> Way {
                match self { $(Self::$variant(kind) => kind.way(Recorded::of::<$kind>(owned)),)+ }
            }
            /// Paths that it occupies.
            pub fn paths(&self) -> Vec<String> {
                match self { $(Self::$variant(kind) => <$kind>::paths_of(&kind.name(), &kind.record()),)+ }
            }
            /// What must be looked at to compare it.
            pub fn ask(&self, owned: Option<&Owned>, questions: &mut Questions) {
                match self { $(Self::$variant(kind) => kind.ask(Recorded::of::<$kind>(owned), questions),)+ }
            }
            /// How it differs from what is there.
            pub fn put(
                &self,
                owned: Option<&Owned>,
                context: &Context<'_>,
                notices: &mut Notices,
            ) -> Option<Difference<Change>> {
                match self {
                    $(Self::$variant(kind) => {
                        let difference = kind.put(Recorded::of::<$kind>(owned), context, notices)?;
                        Some(difference.map(Change::$variant))
                    })+
                }
            }
        }

        impl Owned {
            /// Paths that it occupies.
            pub fn paths(&self, id: &Id) -> Vec<String> {
                self.records().flat_map(|record| match record {
                    $(Record::$variant(record) => <$kind>::paths_of(id.name(), record),)+
                }).collect()
            }
            /// How it goes once the site serves.
            pub fn way(&self) -> Way {
                self.records().next().map_or(Way::Direct, |record| match record {
                    $(Record::$variant(record) => <$kind>::way_of(record),)+
                })
            }
            /// What must be looked at to take it away.
            pub fn ask(&self, id: &Id, questions: &mut Questions) {
                if let Some(record) = self.records().next() {
                    match record {
                        $(Record::$variant(_) =>
                            <$kind>::ask_of(id.name(), Recorded::of::<$kind>(Some(self)), questions),)+
                    }
                }
            }
            /// What becomes of it when nobody wants it any more.
            pub fn remove(&self, id: &Id, context: &Context<'_>, notices: &mut Notices) -> Removal<Change> {
                let Some(record) = self.records().next() else { return Removal::Gone };
                match record {
                    $(Record::$variant(_) => {
                        match <$kind>::remove(id.name(), Recorded::of::<$kind>(Some(self)), context, notices) {
                            Removal::Gone => Removal::Gone,
                            Removal::Stays => Removal::Stays,
                            Removal::Change(difference) =>
                                Removal::Change(Box::new(difference.map(Change::$variant))),
                        }
                    })+
                }
            }
        }

        impl Change {
            /// How it is carried out.
            ///
            /// # Errors
            /// When the content of a file is missing.
            pub fn work(&self, payloads: &Payloads) -> Result<Work, NoPayload> {
                match self { $(Self::$variant(change) => <$kind as Kind>::work(change, payloads),)+ }
            }
            /// What this computer must make for it first.
            pub fn supplies(&self) -> Vec<Supply> {
                match self { $(Self::$variant(change) => <$kind>::supplies(change),)+ }
            }
            /// What a person reads beside title and reason.
            pub fn about(&self) -> Vec<String> {
                match self { $(Self::$variant(change) => <$kind>::about(change),)+ }
            }
            /// Commands for reading.
            pub fn shown(&self) -> Vec<Vec<String>> {
                match self { $(Self::$variant(change) => <$kind as Kind>::shown(change),)+ }
            }
            /// Files that change.
            pub fn files(&self, diff: Option<&FileDiff>) -> Vec<FileChange> {
                match self { $(Self::$variant(change) => <$kind as Kind>::files(change, diff),)+ }
            }
        }

        /// Makes one step of two that follow each other, where their kind can.
        #[allow(clippy::result_large_err, reason = "the second difference is handed back whole")]
        pub(super) fn join(
            first: &mut Difference<Change>,
            second: Difference<Change>,
        ) -> Result<(), Difference<Change>> {
            $(
                if let (Change::$variant(one), Change::$variant(other)) = (&first.change, &second.change) {
                    let mut joined = first.clone().map(|_| one.clone());
                    let other = other.clone();
                    let second = second.map(|_| other);
                    return match <$kind>::join(&mut joined, second) {
                        Ok(()) => {
                            *first = joined.map(Change::$variant);
                            Ok(())
                        }
                        Err(second) => Err(second.map(Change::$variant)),
                    };
                }
            )+
            Err(second)
        }
    };
}

kinds! {
    Package => package::Package,
    User => user::SystemUser,
    Directory => directory::Directory,
    Certificate => certificate::Certificate,
    File => file::File,
    Unit => unit::Unit,
    LogFiles => log_files::LogFiles,
    FirewallService => firewall::FirewallService,
    Ageing => ageing::Ageing,
    DefaultServer => default_server::DefaultServer,
}
