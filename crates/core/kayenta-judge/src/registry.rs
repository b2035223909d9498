//! The judges of a service and how one is picked.

use kayenta_model::{JudgeConfig, JudgeDescription};

use crate::{Judge, JudgeError};

/// The judges of a service, the default one first.
#[derive(Clone, Debug, Default)]
pub struct JudgeRegistry {
    judges: Vec<Judge>,
    /// Judges that are switched off: name, and what switches them on.
    off: Vec<(&'static str, &'static str)>,
}

impl JudgeRegistry {
    /// A registry of these judges; the first is the default.
    #[must_use]
    pub fn new(judges: Vec<Judge>) -> Self {
        Self {
            judges,
            off: Vec::new(),
        }
    }

    /// Adds a judge after the others.
    #[must_use]
    pub fn with(mut self, judge: Judge) -> Self {
        self.judges.push(judge);
        self
    }

    /// Notes a judge that is switched off, and what switches it on.
    #[must_use]
    pub fn without(mut self, name: &'static str, remedy: &'static str) -> Self {
        self.off.push((name, remedy));
        self
    }

    /// What can be done about a judge that [`select`](Self::select) did not find.
    #[must_use]
    pub fn hint(&self, error: &JudgeError) -> String {
        if let JudgeError::UnknownJudge { name } = error
            && let Some((_, remedy)) = self.off.iter().find(|(off, _)| off == name)
        {
            return format!("The judge is switched off: {remedy}.");
        }
        let names: Vec<&str> = self.judges.iter().map(Judge::name).collect();
        format!("Judges that can be used: {}.", names.join(", "))
    }

    /// All judges, the default one first.
    #[must_use]
    pub fn judges(&self) -> &[Judge] {
        &self.judges
    }

    /// Names and visibility of all judges.
    #[must_use]
    pub fn list(&self) -> Vec<JudgeDescription> {
        self.judges
            .iter()
            .map(|judge| JudgeDescription {
                name: judge.name().to_owned(),
                visible: judge.visible(),
            })
            .collect()
    }

    /// The judge for a config: the override if the config names a judge at all and the override is
    /// not empty, else the judge the config names, else the default. Names are case-sensitive.
    ///
    /// # Errors
    /// [`JudgeError::UnknownJudge`] when no judge has the name, [`JudgeError::NoJudge`] when the
    /// default is wanted and there is none.
    pub fn select(
        &self,
        config: Option<&JudgeConfig>,
        override_name: Option<&str>,
    ) -> Result<&Judge, JudgeError> {
        let name = config.and_then(|config| {
            override_name
                .filter(|name| !name.is_empty())
                .or(config.name.as_deref())
                .filter(|name| !name.is_empty())
        });
        match name {
            None => self.judges.first().ok_or(JudgeError::NoJudge),
            Some(name) => self
                .judges
                .iter()
                .find(|judge| judge.name() == name)
                .ok_or_else(|| JudgeError::UnknownJudge {
                    name: name.to_owned(),
                }),
        }
    }
}
