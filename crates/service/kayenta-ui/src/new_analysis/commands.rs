//! The same analysis as a command and as a request.

use kayenta_model::{AnalysisRequest, CanaryConfig};
use kayenta_report::encoded;
use serde_json::json;

use super::wish::Wish;

impl Wish {
    pub(super) fn curl(
        &self,
        base: &str,
        config: &CanaryConfig,
        request: &AnalysisRequest,
    ) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.parameters())
            .finish();
        let mark = if query.is_empty() { "" } else { "?" };
        let (path, body) = match self.executed_config() {
            None => (format!("/{}", encoded(&self.config)), json!(request)),
            Some(_) => (
                String::new(),
                json!({"canaryConfig": config, "executionRequest": request}),
            ),
        };
        let body = serde_json::to_string_pretty(&body).unwrap_or_default();
        let url = format!("{base}/standalone_canary_analysis{path}{mark}{query}");
        format!(
            "curl -X POST -H 'Content-Type: application/json' {} -d {}",
            in_shell(&url),
            in_shell(&body)
        )
    }

    pub(super) fn command(&self, base: &str, request: &AnalysisRequest) -> String {
        let mut words = vec![
            "kayenta analyze".to_owned(),
            format!("--url {}", in_shell(base)),
        ];
        let mut before = String::new();
        match self.executed_config() {
            None => words.push(format!("--config-id {}", in_shell(&self.config))),
            Some(executed) => {
                let (path, field) = executed.in_api(self.storage.as_deref());
                let url = in_shell(&format!("{base}{path}"));
                before = format!("curl -s {url} | jq {field} > canary-config.json\n");
                words.push("--config canary-config.json".to_owned());
            }
        }
        let mut flag = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                words.push(format!("{name} {}", in_shell(&value)));
            }
        };
        let scope = request.scopes.iter().flatten().flatten().next();
        flag("--application", self.application.clone());
        flag("--user", self.user.clone());
        flag("--metrics-account", self.scope.account.clone());
        flag("--storage-account", self.storage.clone());
        flag(
            "--configuration-account",
            self.configuration_account.clone(),
        );
        flag("--baseline", self.scope.baseline.clone());
        flag("--canary", self.scope.canary.clone());
        if let Some(scope) = scope {
            flag("--control-location", scope.control_location.clone());
            flag("--experiment-location", scope.experiment_location.clone());
            flag("--start", scope.start_time_iso.clone());
            flag("--end", scope.end_time_iso.clone());
            flag("--step", Some(scope.step.to_string()));
            if scope.scope_name != "default" {
                flag("--scope-name", Some(scope.scope_name.clone()));
            }
            if scope.control_offset_in_minutes > 0 {
                flag(
                    "--control-offset",
                    Some(format!("{}m", scope.control_offset_in_minutes)),
                );
            }
        }
        for (name, value) in &self.scope.parameters {
            flag("--param", Some(format!("{name}={value}")));
        }
        let minutes = |minutes: i64| format!("{minutes}m");
        flag("--lifetime", request.lifetime_duration_mins.map(minutes));
        flag("--interval", request.analysis_interval_mins.map(minutes));
        let set = |value: i64| (value > 0).then(|| minutes(value));
        flag("--begin-after", set(request.begin_after_mins));
        flag("--lookback", set(request.lookback_mins));
        let thresholds = request.thresholds.unwrap_or_default();
        flag("--pass", thresholds.pass.map(|pass| pass.to_string()));
        flag(
            "--marginal",
            thresholds.marginal.map(|marginal| marginal.to_string()),
        );
        format!("{before}{}", words.join(" \\\n  "))
    }
}

/// A text as one word of a POSIX shell.
fn in_shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_and_the_request_quote_what_a_shell_would_change() {
        let fields = [
            ("config", "id"),
            ("baseline", "it's"),
            ("canary", "$(rm)"),
            ("lifetime", "5"),
            ("params", "zone=a b"),
        ];
        let wish = Wish::read(
            |name| {
                let mut found = fields.iter().filter(|(known, _)| *known == name);
                found.next().map(|(_, value)| *value)
            },
            0,
        );
        let (request, _) = wish.request("default");
        let command = wish.command("http://kayenta", &request);
        assert!(
            command.contains("--baseline 'it'\\''s'") && command.contains("--canary '$(rm)'"),
            "{command}"
        );
        assert!(
            command.contains("--param 'zone=a b'") && command.contains("--lifetime 5m"),
            "{command}"
        );
        let curl = wish.curl("http://kayenta", &CanaryConfig::default(), &request);
        assert!(
            curl.contains("http://kayenta/standalone_canary_analysis/id"),
            "{curl}"
        );
    }

    #[test]
    fn the_config_of_an_execution_is_sent_with_the_request() {
        let wish = Wish::read(|name| (name == "of").then_some("runs/01A"), 0);
        let (request, _) = wish.request("default");
        let config = CanaryConfig {
            name: Some("checkout".to_owned()),
            ..CanaryConfig::default()
        };
        let curl = wish.curl("http://kayenta", &config, &request);
        assert!(
            curl.contains("http://kayenta/standalone_canary_analysis -d")
                && curl.contains("\"canaryConfig\"")
                && curl.contains("checkout"),
            "{curl}"
        );
        let command = wish.command("http://kayenta", &request);
        assert!(
            command.starts_with(
                "curl -s http://kayenta/canary/01A | jq .config > canary-config.json\n"
            ) && command.contains("--config canary-config.json"),
            "{command}"
        );
    }
}
