//! Which parts of a text are secret by their place: passwords in URLs, values of parameters named like
//! secrets.

/// What stands in for a secret.
pub const MASK: &str = "******";

/// Names of parameters whose values are never shown, in lower case and without `-`, `_` and `.`.
const SECRET_PARAMETERS: [&str; 37] = [
    "accesskey",
    "accesstoken",
    "accountkey",
    "apikey",
    "apitoken",
    "appkey",
    "applicationkey",
    "auth",
    "authkey",
    "authorization",
    "authtoken",
    "bearertoken",
    "clientsecret",
    "credential",
    "credentials",
    "idtoken",
    "key",
    "licensekey",
    // InfluxDB's password.
    "p",
    "passwd",
    "password",
    "privatekey",
    "privatetoken",
    "pwd",
    "refreshtoken",
    "sastoken",
    "secret",
    "secretkey",
    "securitytoken",
    "sessiontoken",
    "sharedaccesssignature",
    // Of a shared access signature of Azure.
    "sig",
    "signature",
    "subscriptionkey",
    "token",
    "usertoken",
    "xapikey",
];

/// Whether the value of a parameter of this name is never shown.
#[must_use]
pub fn is_secret_parameter(name: &str) -> bool {
    let squashed: String = name
        .chars()
        .filter(|c| !matches!(c, '-' | '_' | '.'))
        .flat_map(char::to_lowercase)
        .collect();
    SECRET_PARAMETERS.contains(&squashed.as_str())
}

/// Masks credentials embedded in free text: the password in every `scheme://user:password@host`, with
/// or without the scheme, user information without a colon, which may be a misplaced password, and
/// values after `?`, `&` or `;` whose name is that of a secret (`…?api_key=…`, `…;AccountKey=…`).
///
/// It is meant for text people wrote, where a password may contain characters that no URL allows: in
/// doubt it masks more. For a URL that is sent, use [`Masker::url`](crate::Masker::url).
#[must_use]
pub fn mask_urls(text: &str) -> String {
    let schemeless: String = text
        .split_inclusive(char::is_whitespace)
        .map(|word| mask_schemeless(word).unwrap_or_else(|| word.to_owned()))
        .collect();
    mask_parameters(&mask_passwords(&schemeless))
}

/// `user:password@host` where somebody forgot the scheme.
fn mask_schemeless(word: &str) -> Option<String> {
    let (user, rest) = word.split_once(':')?;
    let (password, host) = rest.rsplit_once('@')?;
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    let is_address = user.chars().all(is_name) && !password.is_empty() && !rest.starts_with("//");
    is_address.then(|| format!("{user}:{MASK}@{host}"))
}

fn mask_passwords(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + 3);
        masked.push_str(head);
        let authority_end = tail
            .find(|c: char| matches!(c, '/' | '?' | '#' | '"' | '\'') || c.is_whitespace())
            .unwrap_or(tail.len());
        // A password may itself contain the characters that end an authority; the last `@` before
        // blank space counts when it comes later.
        let word_end = tail.find(char::is_whitespace).unwrap_or(tail.len());
        let user_info = tail[..word_end]
            .rfind('@')
            .filter(|&at| at < authority_end || !tail[..at].contains("://"));
        match user_info {
            Some(at) => {
                match tail[..at].split_once(':') {
                    Some((user, _)) => {
                        masked.push_str(user);
                        masked.push(':');
                        masked.push_str(MASK);
                    }
                    None if authority_end < at => masked.push_str(&tail[..at]),
                    None => masked.push_str(MASK),
                }
                rest = &tail[at..];
            }
            None => rest = tail,
        }
    }
    masked.push_str(rest);
    masked
}

/// Hides the values of secret parameters, wherever in a text a list of parameters stands.
pub(crate) fn mask_parameters(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['?', '&', ';']) {
        let (head, tail) = rest.split_at(at + 1);
        masked.push_str(head);
        rest = tail;
        let end = tail
            .find(|c: char| matches!(c, '&' | ';' | '#' | '"' | '\'') || c.is_whitespace())
            .unwrap_or(tail.len());
        if let Some((name, value)) = tail[..end].split_once('=')
            && is_secret_parameter(name)
            && !value.is_empty()
        {
            masked.push_str(name);
            masked.push('=');
            masked.push_str(MASK);
            rest = &tail[end..];
        }
    }
    masked.push_str(rest);
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_of_urls_are_hidden_in_whatever_people_wrote() {
        for (text, shown) in [
            ("redis://:secret@host:6379", "redis://:******@host:6379"),
            ("redis://u:s%23:t@host/2", "redis://u:******@host/2"),
            ("redis://u:a/b@host/2", "redis://u:******@host/2"),
            ("redis://secret@host", "redis://******@host"),
            ("http://host/path?a=b:c", "http://host/path?a=b:c"),
            ("http://a/x@y", "http://a/x@y"),
            ("say u:p@h:80 now", "say u:******@h:80 now"),
            ("image/x:1@sha256:0", "image/x:1@sha256:0"),
            ("plain", "plain"),
            (
                "a redis://u:p@h and http://token@h2/x.",
                "a redis://u:******@h and http://******@h2/x.",
            ),
        ] {
            assert_eq!(mask_urls(text), shown);
        }
    }

    #[test]
    fn values_of_parameters_called_like_secrets_are_hidden() {
        for (text, shown) in [
            (
                "http://h/q?q=${query}&api_key=abc&Token=d#e",
                "http://h/q?q=${query}&api_key=******&Token=******#e",
            ),
            (
                "core.windows.net;AccountKey=a+b/c==;BlobEndpoint=http://h",
                "core.windows.net;AccountKey=******;BlobEndpoint=http://h",
            ),
            (
                "jdbc:x://h/d?user=u&password=p",
                "jdbc:x://h/d?user=u&password=******",
            ),
            (
                "?sv=2021&sig=a%2Bb&se=1 rest",
                "?sv=2021&sig=******&se=1 rest",
            ),
            ("http://h/q?token=&sortKey=a", "http://h/q?token=&sortKey=a"),
        ] {
            assert_eq!(mask_urls(text), shown);
        }
    }
}
