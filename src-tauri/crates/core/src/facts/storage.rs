//! Mounted file systems and their free space (df(1)).

use serde::{Deserialize, Serialize};

/// One mounted file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Where it is mounted.
    pub mount: String,
    /// Device or kind, for example `/dev/vda1` or `tmpfs`.
    pub source: String,
    /// Type, for example `ext4`.
    pub kind: String,
    /// Bytes.
    pub size: u64,
    /// Bytes that programs can still use.
    pub free: u64,
    /// Inodes; 0 where the file system makes them as needed.
    pub inodes: u64,
    /// Unused inodes.
    pub inodes_free: u64,
}
