package gmail

import "rapport/simulator/front"

func invalid(message string) *front.Error {
	return &front.Error{Code: 400, Message: message, Reason: "invalidArgument", Status: "INVALID_ARGUMENT"}
}

func forbidden(message string) *front.Error {
	return &front.Error{Code: 403, Message: message, Reason: "forbidden", Status: "PERMISSION_DENIED"}
}

func notFound() *front.Error {
	return &front.Error{Code: 404, Message: "Requested entity was not found.", Reason: "notFound", Status: "NOT_FOUND"}
}

func invalidLabel(id string) *front.Error { return invalid("Invalid label: " + id) }

func noMailbox() *front.Error {
	return &front.Error{Code: 400, Message: "Mail service not enabled", Reason: "failedPrecondition", Status: "FAILED_PRECONDITION"}
}

func noPrecondition() *front.Error {
	return &front.Error{Code: 400, Message: "Precondition check failed.", Reason: "failedPrecondition", Status: "FAILED_PRECONDITION"}
}
