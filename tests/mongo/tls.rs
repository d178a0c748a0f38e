//! Encrypted connections, as the address asks for them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::desk::Desk;
use crate::server::Server;

/// An authority of this test alone.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    desk: Desk,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let desk = Desk::new();
        desk.write("authority.pem", &issuer.pem());
        Self { issuer, desk }
    }

    /// Files of a certificate for a name, and of its key.
    fn certify(&self, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (
            self.desk.write(&format!("{name}.pem"), &certificate.pem()),
            self.desk
                .write(&format!("{name}.key"), &key.serialize_pem()),
        )
    }

    fn serve(&self, name: &str) -> Server {
        let (certificate, key) = self.certify(name);
        let [certificate, key] = [certificate, key].map(|path| path.display().to_string());
        Server::start(&["--tls-cert-file", &certificate, "--tls-key-file", &key])
    }

    fn trust(&self) -> String {
        let file = self.desk.root().join("authority.pem");
        format!("tls=true&tlsCAFile={}", file.display())
    }
}

const SOON: &str = "serverSelectionTimeoutMS=1500";

#[test]
fn an_encrypted_server_is_used_if_its_authority_is_trusted() {
    let authority = Authority::new();
    let server = authority.serve("127.0.0.1");
    let desk = Desk::new();
    let post = r##"{"id":"7189254512345678901","desc":"#london #fog","createTime":1700000000}"##;
    desk.write("posts.ndjson", post);
    let at = server.address("posts");
    let trusted = format!("{at}?{}", authority.trust());
    desk.cotag(&format!("import posts.ndjson -t london --store {trusted}"))
        .expect(0);
    desk.cotag(&format!("frequencies london --store {trusted}"))
        .expect(0)
        .says("fog");

    let start = Instant::now();
    for (options, told) in [
        // An authority that nobody knows; a server that does not speak so; nobody to trust.
        ("tls=true", "UnknownIssuer"),
        ("tls=false", "no MongoDB server answers"),
        ("tls=true&tlsCAFile=/nowhere.pem", "TLS"),
    ] {
        desk.cotag(&format!("verify --store {at}?{options}&{SOON}"))
            .expect(1)
            .says(told);
    }
    desk.cotag(&format!("verify --store {at}?tls=maybe"))
        .expect(1)
        .says("check the address")
        .keeps_quiet_about("labels:");
    assert!(start.elapsed() < Duration::from_mins(1));
}

#[test]
fn a_certificate_of_another_name_is_refused_unless_the_address_says_otherwise() {
    let authority = Authority::new();
    let server = authority.serve("db.example");
    let desk = Desk::new();
    let trusted = format!("{}?{}&{SOON}", server.address("posts"), authority.trust());
    desk.cotag(&format!("verify --store {trusted}"))
        .expect(1)
        .says("no MongoDB server answers")
        .says("certificate");
}
