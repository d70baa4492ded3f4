package push

// Service is this part of the product. All fields are required.
type Service struct{}
