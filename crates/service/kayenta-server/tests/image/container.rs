//! The image: built, unpacked, and its command run as a container engine would.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::surroundings::Surroundings;

/// An image unpacked into a folder.
pub(crate) struct Image {
    pub(crate) archive: PathBuf,
    pub(crate) config: Value,
    pub(crate) root: PathBuf,
    _folder: TempDir,
}

impl Image {
    pub(crate) fn unpacked_size(&self) -> u64 {
        let output = Command::new("du")
            .arg("-sb")
            .arg(&self.root)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_whitespace().next().unwrap().parse().unwrap()
    }
}

/// Builds the image by the project's own script and unpacks what it made.
pub(crate) fn build(repository: &Path) -> Image {
    let status = Command::new(repository.join("deploy/build-image"))
        // The same image, built in a third of the time.
        .env("KAYENTA_IMAGE_PROFILE", "release")
        // Flags of the surrounding test build are none of the image's.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_TARGET_DIR")
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "deploy/build-image failed");
    let archive = repository.join("target/image/kayenta.oci.tar");
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("layout");
    let root = folder.path().join("root");
    for path in [&layout, &root] {
        fs::create_dir(path).unwrap();
    }
    untar(&archive, &layout);
    let read = |path: PathBuf| serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap();
    let blob = |digest: &Value| {
        layout
            .join("blobs/sha256")
            .join(digest.as_str().unwrap().trim_start_matches("sha256:"))
    };
    let index = read(layout.join("index.json"));
    let manifest = read(blob(&index["manifests"][0]["digest"]));
    let config = read(blob(&manifest["config"]["digest"]));
    for layer in manifest["layers"].as_array().unwrap() {
        untar(&blob(&layer["digest"]), &root);
    }
    Image {
        archive,
        config,
        root,
        _folder: folder,
    }
}

fn untar(archive: &Path, into: &Path) {
    let status = Command::new("tar")
        .arg("-xf")
        .arg(archive)
        .arg("-C")
        .arg(into)
        .status()
        .unwrap();
    assert!(status.success(), "cannot unpack {}", archive.display());
}

/// A running container: one process in a mount namespace of its own.
pub(crate) struct Container {
    child: Child,
    log: PathBuf,
    root: PathBuf,
    _mounted: TempDir,
}

impl Container {
    /// Mounts the guide's ConfigMap over the configuration folder, and runs the image's command with the
    /// guide's environment.
    pub(crate) async fn start(
        image: &Image,
        surroundings: &Surroundings,
        repository: &Path,
    ) -> Self {
        let mounted = tempfile::tempdir().unwrap();
        let config = mounted.path().join("config");
        fs::create_dir(&config).unwrap();
        fs::write(config.join("kayenta.yml"), config_map(repository)).unwrap();
        let hosts = mounted.path().join("hosts");
        fs::write(&hosts, surroundings.hosts()).unwrap();
        let authorities = mounted.path().join("ca-certificates.crt");
        let mut trusted =
            fs::read_to_string(image.root.join("etc/ssl/certs/ca-certificates.crt")).unwrap();
        trusted.push_str(surroundings.authority());
        fs::write(&authorities, trusted).unwrap();
        // Mount points must exist before the root becomes read-only.
        File::create(image.root.join("etc/hosts")).unwrap();
        // Every container engine provides `/dev`; randomness comes from there.
        fs::create_dir_all(image.root.join("dev")).unwrap();

        let log = mounted.path().join("log");
        let script = "set -e
            mount --bind \"$ROOT\" \"$ROOT\"
            mount --bind -o ro \"$CONFIG\" \"$ROOT/opt/kayenta/config\"
            mount --bind /dev \"$ROOT/dev\"
            mount --bind -o ro \"$HOSTS\" \"$ROOT/etc/hosts\"
            mount --bind -o ro \"$AUTHORITIES\" \"$ROOT/etc/ssl/certs/ca-certificates.crt\"
            mount -o remount,bind,ro \"$ROOT\"
            cd \"$ROOT\"
            exec env -i SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
              JAVA_OPTS='-XX:+UnlockExperimentalVMOptions -Dlogging.level.root=DEBUG' \
              AZURE_STORAGEKEY=\"$KEY\" KAYENTA_PORT=tcp://10.0.0.1:80 KAYENTA_SERVICE_HOST=10.0.0.1 \
              \"$CHROOT\" --userspec=10111:10111 \"$ROOT\" /opt/kayenta/bin/kayenta";
        let output = File::create(&log).unwrap();
        let child = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", script])
            .env("ROOT", &image.root)
            .env("CONFIG", &config)
            .env("HOSTS", &hosts)
            .env("AUTHORITIES", &authorities)
            .env("KEY", surroundings.key())
            .env("CHROOT", which("chroot"))
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        Self {
            child,
            log,
            root: image.root.clone(),
            _mounted: mounted,
        }
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(crate) async fn wait_until_healthy(&self, http: &reqwest::Client, patience: Duration) {
        let begun = Instant::now();
        loop {
            let answer = http.get("http://127.0.0.1:8090/health").send().await;
            if answer.as_ref().is_ok_and(|answer| answer.status() == 200) {
                println!(
                    "first /health 200 after {:.0} ms",
                    begun.elapsed().as_secs_f64() * 1e3
                );
                return;
            }
            if begun.elapsed() > patience {
                let body = match answer {
                    Ok(answer) => answer.text().await.unwrap_or_default(),
                    Err(error) => error.to_string(),
                };
                panic!("not healthy: {body}\n{}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The user id the process runs under.
    pub(crate) fn user(&self) -> u32 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("Uid:"))
            .unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Whether the image's HEALTHCHECK command says the service is well.
    pub(crate) fn runs_kayenta_health(&self) -> bool {
        // Inside the container's mounts, as an engine runs it.
        Command::new("nsenter")
            .args([
                "--mount",
                "--target",
                &self.child.id().to_string(),
                "chroot",
            ])
            .arg("--userspec=10111:10111")
            .arg(&self.root)
            .args(["/opt/kayenta/bin/kayenta", "health"])
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .status()
            .unwrap()
            .success()
    }

    /// SIGTERM; the exit code if it ends in time.
    pub(crate) async fn terminate(mut self, patience: Duration) -> Option<i32> {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(id, Signal::TERM).unwrap();
        let begun = Instant::now();
        while begun.elapsed() < patience {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        None
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `kayenta.yml` as Kubernetes would write it into the volume: the value of the guide's ConfigMap.
fn config_map(repository: &Path) -> String {
    let mut text = String::new();
    File::open(repository.join("deploy/kubernetes/guide/configmap.yaml"))
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    let (_, block) = text.split_once("kayenta.yml: |-\n").unwrap();
    block
        .lines()
        .map(|line| line.strip_prefix("    ").unwrap_or(line))
        .collect::<Vec<_>>()
        .join("\n")
}

fn which(program: &str) -> PathBuf {
    ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        .iter()
        .map(|folder| Path::new(folder).join(program))
        .find(|path| path.exists())
        .unwrap()
}
