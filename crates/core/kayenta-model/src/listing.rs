//! Entries of the lists of stored objects and of judges.

use serde::Serialize;

/// A stored config in a list. Field order is the reference's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = CanaryConfigSummary))]
#[serde(rename_all = "camelCase")]
pub struct ConfigSummary {
    /// Id of the config.
    #[cfg_attr(
        feature = "schema",
        schema(example = "0b7d6f1e-9a3c-4a55-8d0e-5b8d7b1f2c3d")
    )]
    pub id: String,
    /// Name of the config.
    #[cfg_attr(feature = "schema", schema(example = "checkout"))]
    pub name: String,
    /// When it was last written, in milliseconds since 1970.
    #[cfg_attr(feature = "schema", schema(example = 1_704_067_200_000_i64))]
    pub updated_timestamp: i64,
    /// The same time in ISO-8601.
    #[cfg_attr(feature = "schema", schema(example = "2024-01-01T00:00:00Z"))]
    pub updated_timestamp_iso: String,
    /// The applications that may use it.
    #[cfg_attr(feature = "schema", schema(example = json!(["checkout"])))]
    pub applications: Vec<String>,
}

/// A stored object of any other kind in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = ObjectListing))]
#[serde(rename_all = "camelCase")]
pub struct ListedObject {
    /// When it was last written, in ISO-8601.
    #[cfg_attr(feature = "schema", schema(example = "2024-01-01T00:00:00Z"))]
    pub updated_timestamp_iso: String,
    /// Id of the object.
    #[cfg_attr(
        feature = "schema",
        schema(example = "0b7d6f1e-9a3c-4a55-8d0e-5b8d7b1f2c3d")
    )]
    pub id: String,
    /// The same time in milliseconds since 1970.
    #[cfg_attr(feature = "schema", schema(example = 1_704_067_200_000_i64))]
    pub updated_timestamp: i64,
}

/// A judge that configs may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct JudgeDescription {
    /// The name configs use.
    #[cfg_attr(feature = "schema", schema(example = "NetflixACAJudge-v1.0"))]
    pub name: String,
    /// Whether user interfaces should offer it.
    #[cfg_attr(feature = "schema", schema(example = true))]
    pub visible: bool,
}
