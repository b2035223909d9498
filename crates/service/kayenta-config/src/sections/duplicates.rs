//! Accounts that share a name.

use std::collections::HashMap;

use kayenta_properties::{Binder, Diagnostic};

use crate::settings::{AccountKind, Accounts};

/// Keeps of several accounts with one name the one the reference would: it registers kind after kind,
/// and the last one stays. New Relic and SignalFx do not start with a name twice.
pub(super) fn settle(binder: &Binder<'_>, accounts: &mut Accounts) {
    let order = registration_order(accounts);
    for kind in [AccountKind::NewRelic, AccountKind::SignalFx] {
        let mut names: Vec<_> = order
            .iter()
            .filter(|(of, _)| *of == kind)
            .map(|(_, name)| name)
            .collect();
        names.sort();
        for pair in names.windows(2) {
            if pair[0] == pair[1] {
                let group = binder.group("kayenta").group(kind.as_str());
                binder.report(
                    Diagnostic::error(format!(
                        "Duplicate key {} (attempted merging values of two {} accounts)",
                        pair[0],
                        kind.label()
                    ))
                    .property(group.full("accounts"))
                    .at(group.group("accounts").begin())
                    .remedy("Give each account a name of its own"),
                );
            }
        }
    }
    let mut last: HashMap<&str, (usize, AccountKind)> = HashMap::new();
    for (position, (kind, name)) in order.iter().enumerate() {
        last.insert(name, (position, *kind));
    }
    for (position, (kind, name)) in order.iter().enumerate() {
        if let Some((winner, by)) = last.get(name.as_str())
            && *winner != position
        {
            let group = binder.group("kayenta").group(kind.as_str());
            binder.report(
                Diagnostic::warning(format!(
                    "the {} account {name} is replaced by a later {} account of the same name",
                    kind.label(),
                    by.label()
                ))
                .property(group.full("accounts"))
                .at(group.group("accounts").begin()),
            );
        }
    }
    let keep = |kind: AccountKind, name: &str| last.get(name).is_some_and(|(_, by)| *by == kind);
    macro_rules! keep_last {
        ($($field:ident: $kind:ident),*) => {
            $(
                accounts.$field.retain(|account| keep(AccountKind::$kind, &account.name));
                keep_last_of_name(&mut accounts.$field, |account| &account.name);
            )*
        };
    }
    keep_last!(
        prometheus: Prometheus, graphite: Graphite, influxdb: InfluxDb, datadog: Datadog,
        newrelic: NewRelic, signalfx: SignalFx, wavefront: Wavefront, atlas: Atlas,
        http_json: HttpJson, google: Google, azure: Azure, aws: Aws, memory: Memory, disk: Disk,
        configbin: ConfigBin
    );
    accounts.registration_order = registration_order(accounts);
}

/// Of several entries with one name the last.
fn keep_last_of_name<T>(list: &mut Vec<T>, name: impl Fn(&T) -> &str) {
    let mut kept = Vec::new();
    let mut index = list.len();
    let mut flags = vec![false; list.len()];
    for account in list.iter().rev() {
        index -= 1;
        if !kept.contains(&name(account)) {
            kept.push(name(account));
            flags[index] = true;
        }
    }
    let mut flags = flags.into_iter();
    list.retain(|_| flags.next().unwrap_or(true));
}

/// Kinds in the order the reference registers them: AWS comes late while S3 is off, Google late while
/// its storage is.
fn registration_order(accounts: &Accounts) -> Vec<(AccountKind, String)> {
    use AccountKind as Kind;
    let mut order = Vec::new();
    let aws_late = !accounts.store_enabled("s3");
    let mut push = |kind: Kind, names: Vec<&String>| {
        order.extend(names.into_iter().map(|name| (kind, name.clone())));
    };
    macro_rules! names {
        ($field:ident) => {
            accounts
                .$field
                .iter()
                .map(|account| &account.name)
                .collect()
        };
    }
    push(Kind::Azure, names!(azure));
    push(Kind::ConfigBin, names!(configbin));
    push(Kind::Memory, names!(memory));
    push(Kind::Disk, names!(disk));
    push(Kind::Atlas, names!(atlas));
    if !aws_late {
        push(Kind::Aws, names!(aws));
    }
    push(Kind::Datadog, names!(datadog));
    push(Kind::Graphite, names!(graphite));
    push(Kind::InfluxDb, names!(influxdb));
    push(Kind::NewRelic, names!(newrelic));
    push(Kind::Prometheus, names!(prometheus));
    push(Kind::SignalFx, names!(signalfx));
    push(Kind::Wavefront, names!(wavefront));
    push(Kind::HttpJson, names!(http_json));
    if aws_late {
        push(Kind::Aws, names!(aws));
    }
    push(Kind::Google, names!(google));
    order
}
