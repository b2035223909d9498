//! Programs of the npm, PyPI and Go registries that tests drive, installed once under the target directory.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

/// Installs an npm package unless it is there; returns its folder. Blocks.
///
/// # Errors
/// When there is no npm or it cannot install the package.
pub fn npm_package(name: &str, version: &str) -> anyhow::Result<PathBuf> {
    let package = format!("{name}@{version}");
    let home = once(name, &package, |home| {
        run(Command::new("npm")
            .args([
                "install",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--prefix",
            ])
            .arg(home)
            .arg(&package))
    })?;
    Ok(home.join("node_modules").join(name))
}

/// Installs pinned Python packages into an environment of their own unless they are there; returns the
/// folder of its programs. Blocks.
///
/// # Errors
/// When there is no Python with `venv`, or pip cannot install the packages.
pub fn python_packages(name: &str, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let home = once(name, &packages.join(" "), |home| {
        run(Command::new("python3").args(["-m", "venv"]).arg(home))?;
        run(Command::new(home.join("bin/python"))
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .args(packages))
    })?;
    Ok(home.join("bin"))
}

/// Builds the program of a Go module unless it is there; returns the program. Blocks.
///
/// # Errors
/// When there is no Go, or the module or what it needs cannot be fetched or built.
pub fn go_program(module: &str, version: &str) -> anyhow::Result<PathBuf> {
    let name = module.rsplit('/').next().unwrap_or(module);
    let module = format!("{module}@{version}");
    let home = once(name, &module, |home| {
        run(Command::new("go")
            .args(["install", &module])
            .env("GOBIN", home))
    })?;
    Ok(home.join(name))
}

/// Runs the installation unless a note in the folder says that exactly this is there. Test binaries run
/// side by side; one installs, the others wait.
fn once(
    name: &str,
    what: &str,
    install: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<PathBuf> {
    let tools = std::env::var_os("CARGO_TARGET_DIR")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../target"))
        .join("tools");
    fs::create_dir_all(&tools)?;
    let home = tools.canonicalize()?.join(name);
    let note = home.join("installed");
    let installed = || fs::read_to_string(&note).is_ok_and(|text| text == what);
    if installed() {
        return Ok(home);
    }
    let lock = File::create(tools.join(format!("{name}.lock")))?;
    lock.lock()?;
    if !installed() {
        if home.exists() {
            fs::remove_dir_all(&home)?;
        }
        fs::create_dir_all(&home)?;
        install(&home).with_context(|| format!("cannot install {what}"))?;
        fs::write(&note, what)?;
    }
    Ok(home)
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    if !output.status.success() {
        bail!(
            "{} ends with {}:\n{}{}",
            command.get_program().display(),
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}
