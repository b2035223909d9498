//! Properties to [`Settings`]: one module for each part of them.

mod features;
mod logging;
mod management;
mod notifications;
mod outbound;
mod redis;
mod refused;
mod retention;
mod security;
mod server;
mod tls;
mod tracing;
mod work;

use kayenta_accounts::AccountSection;
use kayenta_properties::{Binder, Diagnostic, Gathered};

use crate::{
    accounts::{self, Accounts},
    settings::Settings,
};

/// What binding needs beside properties.
pub(crate) struct Context<'c> {
    pub(crate) gathered: &'c Gathered,
}

/// Reads every setting and account. Mistakes are noted in the binder; then the result is not to be used.
pub(crate) fn read<S: AccountSection>(
    binder: &Binder<'_>,
    context: &Context<'_>,
    table: &[S],
) -> (Settings, Accounts<S::Store>) {
    let top = binder.top();
    let application_name = top.text_or("spring.application.name", "kayenta");
    let data_dir = work::data_dir(binder);
    let accounts = accounts::read(
        binder,
        table,
        &data_dir,
        !context.gathered.files.is_empty() && !table.is_empty(),
    );
    let queue = work::queue(binder);
    features::warn_of_judge_parameters(binder);
    let server = server::server(binder);
    let tracing = tracing::tracing(binder, &application_name);
    let settings = Settings {
        tracing,
        application_name,
        profiles: context.gathered.profiles.clone(),
        management: management::management(binder, server.port, context.gathered.on_kubernetes),
        server,
        logging: logging::logging(binder),
        work: work::backend(binder, context, &data_dir),
        engine: work::engine(binder, &queue),
        memory_budget: work::memory_budget(binder),
        queue,
        data_dir,
        retry: features::retry(binder),
        remote_judge: features::remote_judge(binder),
        judging: features::judging(binder),
        standalone_canary_analysis: top.switch("kayenta.standaloneCanaryAnalysis.enabled"),
        refuse_impossible_requests: top.strict_switch(
            "kayenta.standaloneCanaryAnalysis.refuseImpossibleRequests",
            true,
        ),
        serialization: features::serialization(binder),
        index: features::index(binder),
        archive_executions: top.strict_switch("kayenta.default-archivers.enabled", true),
        validate_metric_names: !top.boolean("kayenta.disable.metricname.validation", false),
        spectator: features::spectator(binder),
        pages: features::pages(binder),
        notifications: notifications::notifications(binder),
        retention: retention::retention(binder),
        swagger: features::swagger(binder),
        http_client: outbound::http_client(binder),
        security: security::security(binder),
        prometheus: features::prometheus(binder, accounts.has("prometheus")),
        atlas: features::atlas(binder),
        test_defaults: features::test_defaults(binder),
    };
    if !context.gathered.files.is_empty() && !table.is_empty() {
        note_defaults(binder, &settings);
    }
    crate::secret_reference::read_settings(&top);
    refused::check(binder);
    binder.warn_unknown("kayenta");
    (settings, accounts)
}

/// Says what is as in the reference and surprises those who write their first file, with the line that
/// changes it.
fn note_defaults(binder: &Binder<'_>, settings: &Settings) {
    let top = binder.top();
    let note = |property: &str, message: String, line: &str| {
        if !top.is_given(property) {
            binder.report(
                Diagnostic::note(message)
                    .property(property)
                    .remedy(format!("set {line}")),
            );
        }
    };
    if let Some(port) = settings.server.port {
        note(
            "server.port",
            format!("not set: the service listens on {port}"),
            "server.port: 8090 for the port of the examples",
        );
    }
    if !settings.standalone_canary_analysis {
        note(
            "kayenta.standaloneCanaryAnalysis.enabled",
            "standalone canary analyses are off: kayenta analyze and /standalone_canary_analysis do not work"
                .to_owned(),
            "kayenta.standaloneCanaryAnalysis.enabled: true",
        );
    }
}
