//! Servers that are not there, are none, or do not let us in; and databases that are not ours.

use std::io::Write as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use mongodb::bson::{Document, doc};

use crate::desk::{Desk, outcome};
use crate::server::{Database, Server, database, free_port};

const ONE_POST: &str = "{\"id\":\"7189254512345678901\",\"desc\":\"#london\",\"createTime\":1673884800,\"author\":{\"uniqueId\":\"ann\"}}\n";

/// Does something with the driver itself.
pub(crate) fn with_driver<T>(
    database: &Database,
    work: impl AsyncFnOnce(mongodb::Database) -> mongodb::error::Result<T>,
) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let name = database.address.rsplit('/').next().unwrap();
        let name = name.split('?').next().unwrap();
        let client = mongodb::Client::with_uri_str(&database.address)
            .await
            .unwrap();
        work(client.database(name)).await.unwrap()
    })
}

#[test]
fn a_server_that_is_not_there_is_told_in_bounded_time() {
    let desk = Desk::new();
    let start = Instant::now();
    let address = format!(
        "mongodb://ann:s3cr3t-value@127.0.0.1:{}/posts?serverSelectionTimeoutMS=700",
        free_port()
    );
    for words in ["frequencies london", "verify", "coverage london"] {
        let told = desk
            .cotag(&format!("{words} --store {address}"))
            .expect(1)
            .says("no MongoDB server answers");
        assert!(!told.err.contains("s3cr3t"), "{}", told.err);
    }
    let mut by_variable = desk.command("verify");
    by_variable.env("COTAG_STORE", &address);
    let told = outcome(&mut by_variable)
        .expect(1)
        .says("no MongoDB server answers");
    assert!(!told.err.contains("s3cr3t"));
    assert!(
        start.elapsed() < Duration::from_mins(1),
        "{:?}",
        start.elapsed()
    );
    let help = outcome(desk.command("import --help").env("COTAG_STORE", &address)).expect(0);
    assert!(!help.out.contains("s3cr3t"), "{}", help.out);
}

#[test]
fn the_address_says_whether_tls_is_used_and_a_server_without_it_is_told() {
    let (desk, database) = (Desk::new(), database());
    let start = Instant::now();
    for (options, says) in [
        ("tls=true", "no MongoDB server answers"),
        ("tls=true&tlsInsecure=true", "no MongoDB server answers"),
        ("tls=true&tlsCAFile=missing.pem", "missing.pem"),
        ("tls=maybe", "tls"),
    ] {
        let address = format!(
            "{}?serverSelectionTimeoutMS=1500&{options}",
            database.address
        );
        desk.cotag(&format!("verify --store {address}"))
            .expect(1)
            .says(says)
            .says("check");
    }
    assert!(
        start.elapsed() < Duration::from_mins(1),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_server_that_is_no_database_is_told() {
    let desk = Desk::new();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(20).flatten() {
            let _ = (&stream).write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    desk.cotag(&format!(
        "verify --store mongodb://127.0.0.1:{port}/posts?serverSelectionTimeoutMS=700"
    ))
    .expect(1);
}

#[test]
fn a_wrong_password_ends_with_the_code_for_credentials() {
    let server = Server::start(&["--sync-on-commit"]);
    let (desk, open) = (Desk::new(), server.address("admin"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let client = mongodb::Client::with_uri_str(&open).await.unwrap();
        let create: Document = doc! { "createUser": "ann", "pwd": "right-one", "roles": ["root"] };
        client.database("admin").run_command(create).await.unwrap();
    });
    server.restart(&["--auth"]);
    let at = server.address("posts").replace("mongodb://", "");
    let address =
        |user: &str| format!("mongodb://{user}{at}?authSource=admin&serverSelectionTimeoutMS=2000");
    let told = desk
        .cotag(&format!("verify --store {}", address("ann:wr0ng-one@")))
        .expect(5);
    assert!(!told.err.contains("wr0ng"), "{}", told.err);
    desk.cotag(&format!("verify --store {}", address("")))
        .expect(5);
    desk.cotag(&format!("verify --store {}", address("ann:right-one@")))
        .expect(0);
}

#[test]
fn what_needs_files_is_wrong_usage_of_a_database() {
    let desk = Desk::new();
    // Nobody needs to be asked for that.
    let store = format!("--store mongodb://127.0.0.1:{}/posts", free_port());
    for words in [
        "repair",
        "download -t london -v",
        "download -t london -p --source browser",
    ] {
        desk.cotag(&format!("{words} {store}"))
            .expect(2)
            .says("works on a data directory, not on `mongodb://127.0.0.1")
            .says("cotag copy --from DATABASE --to DIRECTORY");
    }
}

#[test]
fn an_address_without_a_database_is_wrong_usage() {
    let desk = Desk::new();
    desk.cotag("verify --store mongodb://localhost")
        .expect(2)
        .says("names no database");
    desk.cotag("verify --store redis://localhost/1")
        .expect(2)
        .says("no store that cotag knows");
}

#[test]
fn the_seed_crawlers_file_names_the_store() {
    let (desk, database) = (Desk::new(), database());
    let (server, name) = database.address.rsplit_once('/').unwrap();
    let name = name.split('?').next().unwrap();
    desk.write(
        "config/database.ini",
        &format!("[Database]\nserver_path = {server}/\ndatabase = {name}\ncollection1 = videos\n"),
    );
    desk.write("a.ndjson", "{\"id\":\"7189254512345678901\",\"desc\":\"#london\",\"createTime\":1673884800,\"author\":{\"uniqueId\":\"ann\"},\"textExtra\":[{\"hashtagName\":\"london\"}]}\n");
    desk.cotag("import a.ndjson -t london")
        .expect(0)
        .says("database.ini");
    desk.cotag("verify").expect(0).says("#london: ok, 1 post");
    assert!(!desk.root().join("data").exists());
    let found = with_driver(&database, async |database| {
        database
            .collection::<Document>("videos")
            .count_documents(doc! {})
            .await
    });
    assert_eq!(found, 1);
    // A data directory that is named comes first.
    desk.cotag("verify --data-dir elsewhere").expect(1);
}

#[test]
fn another_schema_or_another_tools_collection_is_left_alone() {
    let (desk, later, earlier, foreign) = (Desk::new(), database(), database(), database());
    for (database, version) in [(&later, 7_i64), (&earlier, 0)] {
        with_driver(database, async |database| {
            let meta = database.collection::<Document>("meta");
            meta.insert_one(doc! { "_id": "cotag", "schema": version })
                .await
        });
    }
    with_driver(&foreign, async |database| {
        database
            .collection::<Document>("posts")
            .insert_one(doc! { "id": 1 })
            .await
    });
    desk.write("a.ndjson", ONE_POST);
    for (database, says) in [
        (&later, "a later version"),
        (&earlier, "there is no migration from it"),
        (&foreign, "another tool's documents"),
    ] {
        desk.cotag(&format!(
            "import a.ndjson -t london --store {}",
            database.address
        ))
        .expect(1)
        .says(says);
    }
}

/// A desk and a database with one post, and the option that names it.
fn with_one_post() -> (Desk, Database, String) {
    let (desk, database) = (Desk::new(), database());
    let store = format!("--store {}", database.address);
    desk.write("a.ndjson", ONE_POST);
    desk.cotag(&format!("import a.ndjson -t london {store}"))
        .expect(0);
    (desk, database, store)
}

#[test]
fn documents_whose_ids_are_no_posts_are_found_and_removed_by_nothing() {
    let (desk, database, store) = with_one_post();
    with_driver(&database, async |database| {
        let posts = database.collection::<Document>("posts");
        let found = posts.find_one(doc! {}).await?.unwrap();
        let mut odd = found.clone();
        odd.insert("_id", "seven");
        posts.insert_one(odd).await?;
        let mut odd = found.clone();
        odd.insert("_id", mongodb::bson::oid::ObjectId::new());
        posts.insert_one(odd).await?;
        // As a refresh would see them.
        let ours = doc! { "$set": { "origin": "research", "format": "research" } };
        posts.update_many(doc! {}, ours).await
    });
    desk.cotag(&format!("verify {store}"))
        .expect(6)
        .says("its _id is no post id")
        .says("post seven: its record is of post 7189254512345678901");
    desk.cotag(&format!("refresh --dry-run --older-than 0 {store}"))
        .expect(0)
        .says("#london: 1 post (research) to ask for in 1 request");
    let left = with_driver(&database, async |database| {
        let posts = database.collection::<Document>("posts");
        posts.count_documents(doc! {}).await
    });
    assert_eq!(left, 3);
}

#[test]
fn a_changed_document_is_found() {
    let (desk, database, store) = with_one_post();
    with_driver(&database, async |database| {
        let posts = database.collection::<Document>("posts");
        posts
            .update_one(doc! {}, doc! { "$set": { "author": "bob" } })
            .await
    });
    desk.cotag(&format!("verify {store}"))
        .expect(6)
        .says("not what its record says: author");
    with_driver(&database, async |database| {
        database
            .collection::<Document>("posts")
            .delete_many(doc! {})
            .await
    });
    // Nothing is left that names the hashtag; its run still tells of it.
    desk.cotag(&format!("verify {store}"))
        .expect(6)
        .says("of 1 stored posts 0 are there");
}
