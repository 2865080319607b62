//! There are no users here: whoever asks about them is told so, as a Kafka without an authorizer does.

use kafka_protocol::{
    error::ResponseError,
    messages::{
        CreateAclsRequest, CreateAclsResponse, DeleteAclsRequest, DeleteAclsResponse, DescribeAclsRequest,
        DescribeAclsResponse, DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse,
        create_acls_response::AclCreationResult, delete_acls_response::DeleteAclsFilterResult,
    },
};

use super::text;

const DISABLED: i16 = ResponseError::SecurityDisabled.code();
const MESSAGE: &str = "No Authorizer is configured.";

pub(super) fn describe_acls(_request: DescribeAclsRequest) -> DescribeAclsResponse {
    DescribeAclsResponse::default().with_error_code(DISABLED).with_error_message(Some(text(MESSAGE)))
}

pub(super) fn create_acls(request: CreateAclsRequest) -> CreateAclsResponse {
    let result = |_| AclCreationResult::default().with_error_code(DISABLED).with_error_message(Some(text(MESSAGE)));
    CreateAclsResponse::default().with_results(request.creations.iter().map(result).collect())
}

pub(super) fn delete_acls(request: DeleteAclsRequest) -> DeleteAclsResponse {
    let result =
        |_| DeleteAclsFilterResult::default().with_error_code(DISABLED).with_error_message(Some(text(MESSAGE)));
    DeleteAclsResponse::default().with_filter_results(request.filters.iter().map(result).collect())
}

pub(super) fn describe_scram(_request: DescribeUserScramCredentialsRequest) -> DescribeUserScramCredentialsResponse {
    DescribeUserScramCredentialsResponse::default()
        .with_error_code(DISABLED)
        .with_error_message(Some(text("There are no users: the broker has no authentication.")))
}
