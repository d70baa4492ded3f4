// Package signature reads from a message who its sender says he is: full name,
// job title, company, phones, LinkedIn profile, website and postal address.
package signature
