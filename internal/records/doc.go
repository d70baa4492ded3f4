// Package records keeps what a CRM is about: people, companies, deals and custom
// objects, with their tags, notes and tasks.
//
// Rules:
//   - Every value is checked and brought into its one form here (Checker), whoever
//     brings it: addresses in lower case, numbers as E.164, domains registrable,
//     addresses of pages with their scheme.
//   - A field knows who filled it (crm.Source). What a person typed gives way to what
//     is deliberate (Deliberate) and to nothing else; the store sees to it.
//   - Every change counts the version on; whoever names the version they have read
//     changes nothing that changed meanwhile.
//   - Deleted records are kept, match nothing and stand in no list but that of what
//     was deleted. Restoring brings all of it back.
//   - Private tags exist for their owner alone.
package records
