//! The numbers behind a judgement: ranks, Mann-Whitney interval and shift, quantiles, effect sizes.
