// Package records keeps what a CRM is about: people, companies, deals and custom
// objects, with their tags, notes and tasks.
package records
