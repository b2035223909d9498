//! The kinds of objects, and the folder and default file name of each.

/// A kind of stored object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectKind {
    /// A canary config.
    CanaryConfig,
    /// A finished canary run.
    CanaryResultArchive,
    /// The series fetched for one metric on one side.
    MetricSetList,
    /// The series of both sides, mixed.
    MetricSetPairList,
    /// A finished standalone analysis.
    StandaloneCanaryResultArchive,
}

impl ObjectKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::CanaryConfig,
        Self::CanaryResultArchive,
        Self::MetricSetList,
        Self::MetricSetPairList,
        Self::StandaloneCanaryResultArchive,
    ];

    /// Folder under the root, as the reference names it.
    #[must_use]
    pub fn group(self) -> &'static str {
        match self {
            Self::CanaryConfig => "canary_config",
            Self::CanaryResultArchive => "canary_archive",
            Self::MetricSetList => "metrics",
            Self::MetricSetPairList => "metric_pairs",
            Self::StandaloneCanaryResultArchive => "standalone_canary_archive",
        }
    }

    /// File name of an unnamed object.
    #[must_use]
    pub fn default_filename(self) -> &'static str {
        match self {
            Self::CanaryConfig => "canary_config.json",
            Self::CanaryResultArchive => "canary_archive.json",
            Self::MetricSetList => "metric_sets.json",
            Self::MetricSetPairList => "metric_set_pairs.json",
            Self::StandaloneCanaryResultArchive => "standalone_canary_archive.json",
        }
    }

    /// Whether an unconditional write under the default file name replaces that file alone, in one
    /// request, and looks for no others. The service writes the archives of its runs so, under ids
    /// that it makes itself; a file that a client has put there under another name stays, and the
    /// newest is read.
    #[must_use]
    pub fn is_replaced_in_place(self) -> bool {
        self.has_fixed_filename() || self == Self::CanaryResultArchive
    }

    /// Whether every writer uses the default file name: nothing but a foreign hand can put a second
    /// file under a key, so one request reads or writes the object.
    #[must_use]
    pub fn has_fixed_filename(self) -> bool {
        match self {
            Self::CanaryConfig | Self::CanaryResultArchive => false,
            Self::MetricSetList | Self::MetricSetPairList | Self::StandaloneCanaryResultArchive => {
                true
            }
        }
    }
}

/// The text the reference's messages name the kind by; its per-process hash is a fixed 0 here.
impl std::fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let class = match self {
            Self::CanaryConfig => "com.netflix.kayenta.storage.ObjectType$1",
            Self::CanaryResultArchive => "com.netflix.kayenta.storage.ObjectType$2",
            Self::MetricSetList => "com.netflix.kayenta.storage.ObjectType$3",
            Self::MetricSetPairList => "com.netflix.kayenta.storage.ObjectType$4",
            Self::StandaloneCanaryResultArchive => {
                "com.netflix.kayenta.standalonecanaryanalysis.storage.StandaloneCanaryAnalysisObjectType$1"
            }
        };
        write!(
            f,
            "StandardObjectType(typeReference={class}@0, group={}, defaultFilename={})",
            self.group(),
            self.default_filename()
        )
    }
}
