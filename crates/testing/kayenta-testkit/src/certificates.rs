//! Certificates for servers that tests start, of an authority made for the occasion.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// Writes `authority.pem`, and `server.pem` with `server.key` for the host names or addresses, into
/// the folder; returns the authority's certificate in PEM, which clients have to trust.
///
/// # Errors
/// When a name is no host name, or the files cannot be written.
pub fn write_certificates(folder: &Path, hosts: &[&str]) -> anyhow::Result<String> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // With rcgen's one default name for both, OpenSSL takes the server's certificate for self-signed.
    authority
        .distinguished_name
        .push(DnType::CommonName, "authority of the tests");
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
    let server = CertificateParams::new(hosts)?.signed_by(&key, &authority)?;
    std::fs::write(folder.join("authority.pem"), authority.pem())?;
    std::fs::write(folder.join("server.pem"), server.pem())?;
    std::fs::write(folder.join("server.key"), key.serialize_pem())?;
    Ok(authority.pem())
}

/// Writes one certificate that is its own authority, as `openssl req -x509` makes it, under the names that
/// [`write_certificates`] writes; returns it in PEM.
///
/// # Errors
/// Those of [`write_certificates`].
pub fn write_self_signed(folder: &Path, hosts: &[&str]) -> anyhow::Result<String> {
    let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
    let mut params = CertificateParams::new(hosts)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?.pem();
    std::fs::write(folder.join("authority.pem"), &certificate)?;
    std::fs::write(folder.join("server.pem"), &certificate)?;
    std::fs::write(folder.join("server.key"), key.serialize_pem())?;
    Ok(certificate)
}
