//! The stages of an execution, and which of them the store has to be given.
//!
//! The record of an execution with many stages keeps them in parts, beside its body, so that what it costs to record one
//! step does not grow with the number of steps. That of one with few keeps them in its body.

use std::{
    collections::BTreeSet,
    fmt,
    ops::{Deref, Index, IndexMut},
};

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, SeqAccess, Visitor},
};

use super::Stage;

/// Stages of one part. Those of an execution with no more are in its body.
pub(crate) const PART: usize = 64;

/// The stages of an execution in the order they are listed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stages {
    all: Vec<Stage>,
    /// How many parts the store has, as far as is known.
    kept: usize,
    /// Parts with stages that may differ from what the store has.
    changed: BTreeSet<usize>,
    /// How many parts the body says there are; they are yet to be read.
    announced: usize,
}

impl PartialEq for Stages {
    fn eq(&self, other: &Self) -> bool {
        self.all == other.all
    }
}

impl From<Vec<Stage>> for Stages {
    fn from(all: Vec<Stage>) -> Self {
        Self {
            all,
            ..Self::default()
        }
    }
}

impl Deref for Stages {
    type Target = [Stage];

    fn deref(&self) -> &[Stage] {
        &self.all
    }
}

impl Index<usize> for Stages {
    type Output = Stage;

    fn index(&self, position: usize) -> &Stage {
        &self.all[position]
    }
}

impl IntoIterator for Stages {
    type Item = Stage;
    type IntoIter = std::vec::IntoIter<Stage>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.into_iter()
    }
}

/// A stage to change.
impl IndexMut<usize> for Stages {
    fn index_mut(&mut self, position: usize) -> &mut Stage {
        self.changed.insert(position / PART);
        &mut self.all[position]
    }
}

impl Stages {
    /// The first stage of a kind, to change it.
    pub(crate) fn find_mut(&mut self, wanted: impl Fn(&Stage) -> bool) -> Option<&mut Stage> {
        let position = self.all.iter().position(wanted)?;
        Some(&mut self[position])
    }

    /// Changes every stage of a kind.
    pub(crate) fn change_all(
        &mut self,
        wanted: impl Fn(&Stage) -> bool,
        mut change: impl FnMut(&mut Stage),
    ) {
        for (position, stage) in self.all.iter_mut().enumerate() {
            if wanted(stage) {
                self.changed.insert(position / PART);
                change(stage);
            }
        }
    }

    pub(crate) fn push(&mut self, stage: Stage) {
        self.changed.insert(self.all.len() / PART);
        self.all.push(stage);
    }

    /// Puts stages before all others.
    pub(crate) fn put_first(&mut self, stages: Vec<Stage>) {
        self.changed_from(0);
        self.all.splice(0..0, stages);
    }

    /// Leaves only the stages of a kind.
    pub(crate) fn retain(&mut self, wanted: impl Fn(&Stage) -> bool) {
        if let Some(first) = self.all.iter().position(|stage| !wanted(stage)) {
            self.changed_from(first);
            self.all.retain(wanted);
        }
    }

    /// Every stage from a position on is another one than the store has there.
    fn changed_from(&mut self, position: usize) {
        self.changed.extend(position / PART..self.kept);
    }

    /// Of how many parts the record consists beside its body.
    fn count(&self) -> usize {
        match self.all.len() {
            0..=PART => 0,
            many => many.div_ceil(PART),
        }
    }

    /// Whether there are so many that the record keeps them in parts.
    pub(crate) fn are_in_parts(&self) -> bool {
        self.count() > 0
    }

    /// How many stages have to be written.
    pub(crate) fn to_write(&self) -> usize {
        let parts = (0..self.count()).filter(|part| self.has_changed(*part));
        parts.count() * PART
    }

    fn has_changed(&self, part: usize) -> bool {
        part >= self.kept || self.changed.contains(&part)
    }

    /// The parts of the record; `None` for those that the store has.
    pub(crate) fn parts(&self) -> Result<Vec<Option<Bytes>>, serde_json::Error> {
        let parts = self.all.chunks(PART).enumerate().take(self.count());
        parts
            .map(|(part, stages)| {
                if !self.has_changed(part) {
                    return Ok(None);
                }
                serde_json::to_vec(stages).map(|text| Some(text.into()))
            })
            .collect()
    }

    /// Takes in the parts of a record whose body was read.
    pub(crate) fn read_parts(&mut self, parts: &[Option<Bytes>]) -> Result<(), serde_json::Error> {
        if parts.len() != self.announced {
            return Err(Error::custom(format_args!(
                "the stages are in {} parts, of which {} are there",
                self.announced,
                parts.len()
            )));
        }
        for part in parts.iter().flatten() {
            let mut stages: Vec<Stage> = serde_json::from_slice(part)?;
            self.all.append(&mut stages);
        }
        self.kept = std::mem::take(&mut self.announced);
        Ok(())
    }

    /// Notes that the store has everything.
    pub(crate) fn note_kept(&mut self) {
        self.kept = self.count();
        self.changed.clear();
    }
}

/// The list of stages, or the number of parts they are kept in.
impl Serialize for Stages {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.count() {
            0 => self.all.serialize(serializer),
            parts => parts.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Stages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InBodyOrParts;

        impl<'de> Visitor<'de> for InBodyOrParts {
            type Value = Stages;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of stages or the number of their parts")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Stages, A::Error> {
                let mut all = Vec::new();
                while let Some(stage) = list.next_element()? {
                    all.push(stage);
                }
                Ok(all.into())
            }

            fn visit_u64<E: Error>(self, parts: u64) -> Result<Stages, E> {
                Ok(Stages {
                    announced: usize::try_from(parts).map_err(E::custom)?,
                    ..Stages::default()
                })
            }
        }

        deserializer.deserialize_any(InBodyOrParts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(count: usize) -> Stages {
        let stage = |number| Stage {
            ref_id: format!("{number}"),
            ..Stage::default()
        };
        Stages::from((0..count).map(stage).collect::<Vec<_>>())
    }

    fn written(stages: &Stages) -> Vec<usize> {
        let parts = stages.parts().unwrap().into_iter().enumerate();
        parts
            .filter_map(|(part, text)| text.map(|_| part))
            .collect()
    }

    /// What the store has after it was given what changed.
    fn save(stages: &mut Stages, store: &mut Vec<Option<Bytes>>) {
        let parts = stages.parts().unwrap();
        store.resize(parts.len(), None);
        for (there, part) in store.iter_mut().zip(parts) {
            *there = part.or(there.take());
        }
        stages.note_kept();
        let mut read: Stages =
            serde_json::from_str(&serde_json::to_string(stages).unwrap()).unwrap();
        read.read_parts(store).unwrap();
        assert_eq!(read, *stages);
    }

    #[test]
    fn few_stages_are_in_the_body_and_many_in_parts() {
        assert!(stages(PART).parts().unwrap().is_empty());
        assert_eq!(
            serde_json::to_value(stages(PART)).unwrap()[63]["ref_id"],
            "63"
        );
        let many = stages(2 * PART + 1);
        assert_eq!(written(&many), [0, 1, 2]);
        assert_eq!(serde_json::to_value(&many).unwrap(), 3);
    }

    #[test]
    fn only_parts_with_changed_stages_are_written_and_what_the_store_has_is_what_there_is() {
        let mut store = Vec::new();
        let mut all = stages(1);
        save(&mut all, &mut store);
        all.put_first((0..3 * PART).map(|_| Stage::default()).collect());
        assert_eq!(written(&all), [0, 1, 2, 3]);
        save(&mut all, &mut store);
        assert_eq!(written(&all), [] as [usize; 0]);

        all[PART + 3].begin(1);
        assert_eq!(written(&all), [1]);
        save(&mut all, &mut store);

        all.find_mut(|stage| stage.start_time == Some(1))
            .unwrap()
            .end(kayenta_model::ExecutionStatus::Succeeded, 2);
        assert_eq!(written(&all), [1]);
        save(&mut all, &mut store);

        all.change_all(
            |stage| stage.ref_id == "0",
            |stage| stage.name = "last".to_owned(),
        );
        assert_eq!(written(&all), [3]);
        save(&mut all, &mut store);

        for _ in 0..PART {
            all.push(Stage::default());
        }
        assert_eq!(written(&all), [3, 4]);
        save(&mut all, &mut store);

        // What follows a stage that is gone moves up.
        all.retain(|stage| stage.start_time != Some(1));
        assert_eq!(written(&all), [1, 2, 3]);
        save(&mut all, &mut store);
        assert_eq!(store.len(), 4);

        all.retain(|stage| !stage.name.is_empty());
        save(&mut all, &mut store);
        assert_eq!((all.len(), store.len()), (1, 0));
    }

    #[test]
    fn a_list_of_many_stages_in_a_body_is_read_and_then_kept_in_parts() {
        let many: Vec<Stage> = stages(PART + 1).to_vec();
        let mut read: Stages =
            serde_json::from_value(serde_json::to_value(&many).unwrap()).unwrap();
        read.read_parts(&[]).unwrap();
        assert_eq!(*read, *many);
        assert_eq!(written(&read), [0, 1]);
    }

    #[test]
    fn a_record_without_all_its_parts_is_not_read() {
        let many = stages(3 * PART);
        let mut parts = many.parts().unwrap();
        parts.pop();
        let mut read: Stages = serde_json::from_str("3").unwrap();
        assert_eq!(
            read.read_parts(&parts).unwrap_err().to_string(),
            "the stages are in 3 parts, of which 2 are there"
        );
    }
}
