//! Where files are looked for, and which wins.

use crate::support::Case;

fn title(case: &Case) -> String {
    case.load().settings.swagger.title
}

#[test]
fn the_kustomize_layout_has_its_order() {
    let directory = "/opt/spinnaker/config";
    let import = "spring.config.import: optional:file:/opt/spinnaker/config/*/\n";
    let files = [
        ("spinnaker.yml", import),
        ("redis/spinnaker.yml", ""),
        ("redis/kayenta.yml", ""),
        ("kayenta.yml", ""),
        ("kayenta-local.yml", ""),
    ];
    for highest in 0..files.len() {
        let mut case = Case::empty().var("SPRING_PROFILES_ACTIVE", "local").file(
            "/opt/kayenta/config/kayenta.yml",
            "swagger.title: shipped\n",
        );
        for (at, (name, more)) in files.iter().enumerate() {
            let text = if at <= highest {
                format!("swagger.title: {name}\n{more}")
            } else {
                (*more).to_owned()
            };
            case = case.file(&format!("{directory}/{name}"), &text);
        }
        assert_eq!(title(&case), files[highest].0);
    }
}

#[test]
fn locations_rank_in_order() {
    let locations = [
        "/opt/kayenta/config/kayenta.yml",
        "/opt/kayenta/config/config/kayenta.yml",
        "/kayenta.yml",
        "/config/kayenta.yml",
        "/config/a/kayenta.yml",
        "/config/b/kayenta.yml",
        "/extra/kayenta.yml",
        "/opt/spinnaker/config/kayenta.yml",
    ];
    for highest in 0..locations.len() {
        let mut case = Case::empty().var(
            "SPRING_CONFIG_ADDITIONALLOCATION",
            "file:/extra/,optional:file:/no/",
        );
        case = case.file("/extra/x.txt", "");
        for path in &locations[..=highest] {
            case = case.file(path, &format!("swagger.title: {path}\n"));
        }
        assert_eq!(title(&case), locations[highest]);
    }
}

#[test]
fn a_plain_file_of_a_higher_location_ranks_above_a_profile_file_of_a_lower_one() {
    let case = Case::empty()
        .file(
            "/opt/kayenta/config/kayenta-local.yml",
            "swagger.title: lower\n",
        )
        .file(
            "/opt/spinnaker/config/kayenta.yml",
            "swagger.title: higher\n",
        );
    assert_eq!(title(&case), "higher");
}

#[test]
fn a_location_replaces_the_usual_ones() {
    let case = Case::empty()
        .file(
            "/opt/kayenta/config/kayenta.yml",
            "swagger: {title: usual, contact: c}\n",
        )
        .file("/etc/k/my.yml", "swagger.title: mine\n")
        .file("/etc/k/my-local.yml", "swagger.description: profile\n")
        .var(
            "KAYENTA_OPTS",
            "-Dspring.config.location=file:/etc/k/my.yml",
        );
    let swagger = case.load().settings.swagger;
    assert_eq!(
        (swagger.title.as_str(), swagger.description.as_str()),
        ("mine", "profile")
    );
    assert_eq!(swagger.contact, "");
}

#[test]
fn the_start_scripts_import_outranks_a_variable_but_not_a_flag() {
    let base = || {
        Case::empty()
            .file(
                "/opt/spinnaker/config/kayenta.yml",
                "swagger.title: script\n",
            )
            .file("/mine/kayenta.yml", "swagger.title: mine\n")
    };
    assert_eq!(
        title(&base().var("SPRING_CONFIG_IMPORT", "file:/mine/")),
        "script"
    );
    assert_eq!(
        title(&base().var("JAVA_OPTS", "-Dspring.config.import=file:/mine/")),
        "mine"
    );
    assert_eq!(
        title(&base().arg("--spring.config.import=file:/mine/")),
        "mine"
    );
}

#[test]
fn outside_the_image_the_home_directory_is_searched() {
    let case = Case::empty()
        .file("/home/me/.spinnaker/kayenta.yml", "swagger.title: home\n")
        .file(
            "/opt/spinnaker/config/kayenta.yml",
            "swagger.title: image\n",
        )
        .with(|environment| environment.image(false).home("/home/me"));
    assert_eq!(title(&case), "home");
}

#[test]
fn profiles_come_from_every_place_and_groups_are_written_out() {
    let profiles = |case: Case| case.load().settings.profiles;
    assert_eq!(
        profiles(Case::yaml("netflix.environment: prod\n")),
        ["composite", "prod", "local"]
    );
    assert_eq!(
        profiles(Case::yaml(
            "spring.profiles: {active: \"a,b\", include: c, group.a: [x, y]}\n"
        )),
        ["composite", "c", "a", "x", "y", "b"]
    );
    assert_eq!(
        profiles(Case::yaml("").var("JAVA_OPTS", "-Dspring.profiles.active=z")),
        ["composite", "z"]
    );
}

#[test]
fn later_documents_override_and_old_profile_keys_count() {
    let text = "swagger.title: one\n---\nswagger.title: two\n---\nspring.profiles: \"!foo\"\nswagger.contact: not-foo\n---\nspring.config.activate.on-profile: foo & bar\nswagger.title: both\n";
    let swagger = Case::yaml(text).load().settings.swagger;
    assert_eq!(
        (swagger.title.as_str(), swagger.contact.as_str()),
        ("two", "not-foo")
    );
    let swagger = Case::yaml(text)
        .arg("--spring.profiles.active=foo,bar")
        .load()
        .settings
        .swagger;
    assert_eq!(
        (swagger.title.as_str(), swagger.contact.as_str()),
        ("both", "")
    );
}

#[test]
fn circles_of_imports_end() {
    let case = Case::only("spring.config.import: file:/a.yml\n")
        .file(
            "/a.yml",
            "spring.config.import: [optional:file:/b.yml]\nswagger.title: a\n",
        )
        .file("/b.yml", "spring.config.import: a.yml\nswagger.title: b\n");
    assert_eq!(title(&case), "b");
}

#[test]
fn flags_of_all_variables_are_read_in_order() {
    let case = Case::yaml("")
        .var("JAVA_TOOL_OPTIONS", "-Dswagger.title=tool -Dserver.port=1")
        .var("JDK_JAVA_OPTIONS", "-Dserver.port=2")
        .var("JAVA_OPTS", "-Xmx1g -XX:+UnlockExperimentalVMOptions '-Dswagger.description=My API' -Dserver.port=3 -Dlogging.level.root=DEBUG")
        .var("KAYENTA_OPTS", "-server -Dserver.port=4 --add-opens java.base/java.lang=ALL-UNNAMED")
        .arg("serve")
        .arg("--debug");
    let settings = case.load().settings;
    assert_eq!(settings.swagger.title, "tool");
    assert_eq!(settings.swagger.description, "My API");
    assert_eq!(settings.server.port, Some(4));
    assert_eq!(settings.logging.root, kayenta_settings::LogLevel::Debug);
    let case = case
        .var("_JAVA_OPTIONS", "-Dserver.port=5")
        .arg("-Dserver.port=6");
    assert_eq!(case.load().settings.server.port, Some(6));
}

#[test]
fn the_file_of_defaults_of_the_start_script_is_read() {
    let case = Case::yaml("").file(
        "/etc/default/spinnaker",
        "# c\nexport SERVER_PORT=\"9003\"\n",
    );
    assert_eq!(case.load().settings.server.port, Some(9003));
}

#[test]
fn files_of_the_command_line_replace_the_search() {
    let case = Case::yaml("swagger.contact: usual\n")
        .file(
            "/w/mine.yml",
            "swagger.title: mine\nspring.config.import: other.yml\n",
        )
        .file("/w/other.yml", "swagger.description: imported\n")
        .with(|environment| environment.current_dir("/w").only_file("mine.yml"));
    let loaded = case.load();
    let swagger = loaded.settings.swagger;
    assert_eq!(
        (
            swagger.title.as_str(),
            swagger.description.as_str(),
            swagger.contact.as_str()
        ),
        ("mine", "imported", "")
    );
    assert_eq!(loaded.files, ["/w/mine.yml", "/w/other.yml"]);
}

#[test]
fn kubernetes_links_of_a_mounted_volume_are_read_once() {
    let case = Case::yaml("");
    let config = case.root().join("etc/mounted");
    std::fs::create_dir_all(config.join("..2026_11_24")).unwrap();
    std::fs::write(
        config.join("..2026_11_24/kayenta.yml"),
        "swagger.title: mounted\n",
    )
    .unwrap();
    std::os::unix::fs::symlink("..2026_11_24", config.join("..data")).unwrap();
    std::os::unix::fs::symlink("..data/kayenta.yml", config.join("kayenta.yml")).unwrap();
    let case = case.arg("--spring.config.import=file:/etc/mounted/,optional:file:/etc/mounted/*/");
    let loaded = case.load();
    assert_eq!(loaded.settings.swagger.title, "mounted");
    assert_eq!(loaded.files.len(), 2);
}

#[test]
fn proxies_are_those_of_the_jvm_alone() {
    let case = Case::yaml("")
        .var("HTTP_PROXY", "http://127.0.0.1:1")
        .var("HTTPS_PROXY", "http://127.0.0.1:1");
    assert!(case.load().settings.http_client.proxies.http.is_none());
    let case = case.var(
        "JAVA_OPTS",
        "-Dhttps.proxyHost=p -Dhttps.proxyPort=3128 '-Dhttp.nonProxyHosts=*.local|10.*'",
    );
    let proxies = case.load().settings.http_client.proxies;
    assert_eq!(proxies.https.unwrap().port, 3128);
    assert!(proxies.http.is_none());
    assert_eq!(proxies.direct_hosts, ["*.local", "10.*"]);
}
