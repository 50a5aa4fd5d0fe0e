//! Where the text of a unit finds what it is about: its release, its configuration, the name of its instance.

use super::Scope;

/// Where a unit's process finds its release, and which instance it is.
pub(super) struct Roots {
    /// `/opt/S/current`, or a release's own directory.
    pub(super) release: String,
    /// Put before absolute paths of configuration: empty, or `…/config` of a release.
    pub(super) config: String,
    /// What `{port}` and `{instance}` become.
    pub(super) instance: InstanceName,
}

/// What stands for the instance in a unit.
pub(super) enum InstanceName {
    /// The specifier `%i` of a template unit.
    Specifier,
    /// A fixed port.
    Port(u16),
    /// A process without a port, in a unit that is no template.
    Single,
}

impl InstanceName {
    pub(super) fn unit_text(&self) -> String {
        match self {
            Self::Specifier => "%i".into(),
            Self::Port(port) => port.to_string(),
            Self::Single => "1".into(),
        }
    }
}

impl Roots {
    pub(super) fn live(scope: &Scope<'_>) -> Self {
        Self { release: scope.layout.current(), config: String::new(), instance: InstanceName::Specifier }
    }

    pub(super) fn config(&self, path: &str) -> String {
        format!("{}{path}", self.config)
    }
}
