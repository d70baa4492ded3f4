package google

import "maps"

// Quota is what Google allows a project and what its methods cost. It is
// configuration: Google has changed it before.
type Quota struct {
	Name       string
	PerUser    int64            // units a minute for each mailbox and project
	PerSecond  int64            // units a second for each mailbox and project, 0: no such limit
	PerProject int64            // units a minute
	Costs      map[string]int64 // by method without "gmail.users."
}

// Quotas are the two generations (behaviour reference 3.13): "2026" holds for
// projects made since 2026-05-01, "legacy" for those that used the API before.
// Neither has a limit by the second, which still older projects had (250).
func Quotas(name string) (Quota, bool) {
	switch name {
	case "2026", "":
		return Quota{Name: "2026", PerUser: 6000, PerProject: 1200000, Costs: maps.Clone(costs2026)}, true
	case "legacy":
		costs := maps.Clone(costs2026)
		maps.Copy(costs, costsLegacy)
		return Quota{Name: "legacy", PerUser: 15000, PerProject: 1200000, Costs: costs}, true
	}
	return Quota{}, false
}

// cost of a method; an unknown one counts as a dear read.
func (q Quota) cost(method string) int64 {
	if c, ok := q.Costs[method]; ok {
		return c
	}
	return 20
}

var costs2026 = map[string]int64{
	"messages.send": 100, "drafts.send": 100, "watch": 100,
	"messages.batchModify": 50, "messages.batchDelete": 50, "stop": 50,
	"threads.get": 40, "messages.insert": 25, "messages.import": 25,
	"messages.get": 20, "drafts.get": 20, "messages.attachments.get": 20,
	"messages.trash": 20, "threads.trash": 20, "threads.delete": 20,
	"drafts.update":   15,
	"messages.delete": 10, "drafts.create": 10, "drafts.delete": 10, "threads.list": 10, "threads.modify": 10,
	"messages.list": 5, "drafts.list": 5, "messages.modify": 5, "messages.untrash": 5,
	"labels.create": 5, "labels.update": 5, "labels.patch": 5, "labels.delete": 5,
	"history.list": 2,
	"getProfile":   1, "labels.get": 1, "labels.list": 1, "settings.sendAs.list": 1, "settings.sendAs.get": 1,
}

var costsLegacy = map[string]int64{
	"threads.get": 10, "messages.get": 5, "drafts.get": 5, "messages.attachments.get": 5,
	"messages.trash": 5, "threads.trash": 10,
}
