//! Links between documents.

use kayenta_testkit::documents::Page;

use super::{pages, short};

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let (mut tried, mut broken) = (0, Vec::new());
    for page in pages() {
        for (line, target) in page.links() {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            tried += 1;
            let (file, anchor) = match target.split_once('#') {
                Some((file, anchor)) => (file, Some(anchor)),
                None => (target.as_str(), None),
            };
            let path = match file {
                "" => page.path.clone(),
                file => page.path.parent().unwrap().join(file),
            };
            let there = path.exists()
                && anchor.is_none_or(|anchor| {
                    path.is_file() && Page::read(&path).anchors().iter().any(|a| a == anchor)
                });
            if !there {
                broken.push(format!("{}:{line}: {target}", short(&page.path)));
            }
        }
    }
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
    assert!(tried > 20, "only {tried} links were found");
}
