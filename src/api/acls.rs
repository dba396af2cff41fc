//! DescribeAcls (29), CreateAcls (30), DeleteAcls (31), versions 1-3 each.
//!
//! There are no ACLs: 54, which is what Kafka says where no authorizer is configured, so that tools know it.

use kafka_protocol::messages::create_acls_response::AclCreationResult;
use kafka_protocol::messages::delete_acls_response::DeleteAclsFilterResult;
use kafka_protocol::messages::{CreateAclsResponse, DeleteAclsResponse, DescribeAclsResponse};
use quafka_protocol::ErrorCode;
use quafka_protocol::requests::{CreateAclsRequest, DeleteAclsRequest};

use super::reply::text;

const NO_ACLS: &str = "no authorizer is configured: this is a quafka gateway, which has no ACLs";

pub(super) fn describe() -> DescribeAclsResponse {
    DescribeAclsResponse::default()
        .with_error_code(ErrorCode::SecurityDisabled.code())
        .with_error_message(Some(text(NO_ACLS)))
}

pub(super) fn create(request: &CreateAclsRequest<'_>) -> CreateAclsResponse {
    let result = AclCreationResult::default()
        .with_error_code(ErrorCode::SecurityDisabled.code())
        .with_error_message(Some(text(NO_ACLS)));
    CreateAclsResponse::default().with_results(vec![result; request.creations.len()])
}

pub(super) fn delete(request: &DeleteAclsRequest<'_>) -> DeleteAclsResponse {
    let result = DeleteAclsFilterResult::default()
        .with_error_code(ErrorCode::SecurityDisabled.code())
        .with_error_message(Some(text(NO_ACLS)));
    DeleteAclsResponse::default().with_filter_results(vec![result; request.filters.len()])
}
