//! The NetflixACAJudge-v1.0 judge: transform, classify, score; values in, values out.
