//! What differs between two texts, line by line.

/// A line of the difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DiffLine {
    /// `+`, `-` or a blank.
    pub(super) sign: char,
    pub(super) text: String,
}

/// Lines of both sides that are compared pair by pair at most; the rest of longer texts counts as replaced.
const MOST_PAIRS: usize = 4_000_000;
/// Equal lines that are shown around a difference.
const CONTEXT: usize = 2;

/// The lines that differ, with a few around them.
pub(super) fn diff(old: &str, new: &str) -> Vec<DiffLine> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old[head..]
        .iter()
        .rev()
        .zip(new[head..].iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (a, b) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    let mut lines = Vec::new();
    let line = |sign: char, text: &str| DiffLine {
        sign,
        text: text.to_owned(),
    };
    lines.extend(old[..head].iter().map(|text| line(' ', text)));
    if a.len().saturating_mul(b.len()) > MOST_PAIRS {
        lines.extend(a.iter().map(|text| line('-', text)));
        lines.extend(b.iter().map(|text| line('+', text)));
    } else {
        // Lengths of the longest common rests.
        let width = b.len() + 1;
        let mut common = vec![0_u32; (a.len() + 1) * width];
        for i in (0..a.len()).rev() {
            for j in (0..b.len()).rev() {
                common[i * width + j] = if a[i] == b[j] {
                    common[(i + 1) * width + j + 1] + 1
                } else {
                    common[(i + 1) * width + j].max(common[i * width + j + 1])
                };
            }
        }
        let (mut i, mut j) = (0, 0);
        while i < a.len() || j < b.len() {
            if i < a.len() && j < b.len() && a[i] == b[j] {
                lines.push(line(' ', a[i]));
                (i, j) = (i + 1, j + 1);
            } else if j == b.len()
                || (i < a.len() && common[(i + 1) * width + j] >= common[i * width + j + 1])
            {
                lines.push(line('-', a[i]));
                i += 1;
            } else {
                lines.push(line('+', b[j]));
                j += 1;
            }
        }
    }
    lines.extend(old[old.len() - tail..].iter().map(|text| line(' ', text)));
    near_changes(lines)
}

fn near_changes(lines: Vec<DiffLine>) -> Vec<DiffLine> {
    let changed: Vec<usize> = (0..lines.len())
        .filter(|at| lines[*at].sign != ' ')
        .collect();
    let mut near = vec![false; lines.len()];
    for at in changed {
        let end = (at + CONTEXT + 1).min(lines.len());
        near[at.saturating_sub(CONTEXT)..end].fill(true);
    }
    let kept = lines.into_iter().zip(near).filter(|(_, near)| *near);
    kept.map(|(line, _)| line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(old: &str, new: &str) -> String {
        let lines = diff(old, new);
        let lines = lines
            .iter()
            .map(|line| format!("{}{}\n", line.sign, line.text));
        lines.collect()
    }

    #[test]
    fn changed_lines_are_shown_with_two_around_them() {
        assert_eq!(
            text("a\nb\nc\nd\ne\nf", "a\nb\nc\nD\ne\nf"),
            " b\n c\n-d\n+D\n e\n f\n"
        );
        assert_eq!(text("a\nb", "a\nx\nb"), " a\n+x\n b\n");
        assert_eq!(text("a\nb\nc", "c"), "-a\n-b\n c\n");
        assert_eq!(text("same", "same"), "");
    }

    #[test]
    fn huge_texts_are_compared_in_bounded_time() {
        let old: String = (0..5_000).map(|n| format!("a{n}\n")).collect();
        let new: String = (0..5_000).map(|n| format!("b{n}\n")).collect();
        assert_eq!(diff(&old, &new).len(), 10_000);
    }
}
