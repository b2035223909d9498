//! The storage seam: the ObjectStore trait, object kinds and key layout, config catalogue; memory and disk stores.
