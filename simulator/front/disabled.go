package front

import "rapport/simulator/discovery"

// services are the APIs as the Cloud console names them.
var services = map[string]struct{ name, title string }{
	"gmail":     {"gmail.googleapis.com", "Gmail API"},
	"calendar":  {"calendar-json.googleapis.com", "Google Calendar API"},
	"people":    {"people.googleapis.com", "People API"},
	"directory": {"admin.googleapis.com", "Admin SDK API"},
	"drive":     {"drive.googleapis.com", "Google Drive API"},
	"sheets":    {"sheets.googleapis.com", "Google Sheets API"},
	"meet":      {"meet.googleapis.com", "Google Meet API"},
	"pubsub":    {"pubsub.googleapis.com", "Cloud Pub/Sub API"},
}

// notEnabled is the 403 of an API that the token's project has not enabled.
func notEnabled(room, project string, m *discovery.Method) *Error {
	svc, ok := services[room]
	if !ok {
		svc.name, svc.title = m.API.Host, m.API.Host
	}
	where := "https://console.developers.google.com/apis/api/" + svc.name + "/overview?project=" + project
	text := svc.title + " has not been used in project " + project + " before or it is disabled. Enable it by visiting " + where +
		" then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry."
	return &Error{
		Code: 403, Status: "PERMISSION_DENIED", Message: text,
		Reason: "accessNotConfigured", Domain: "usageLimits", ExtendedHelp: "https://console.developers.google.com",
		Details: []any{
			map[string]any{
				"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED", "domain": "googleapis.com",
				"metadata": map[string]string{"service": svc.name, "serviceTitle": svc.title, "consumer": "projects/" + project,
					"containerInfo": project, "activationUrl": where},
			},
			map[string]any{
				"@type": "type.googleapis.com/google.rpc.Help",
				"links": []map[string]string{{"description": "Google developers console API activation", "url": where}},
			},
		},
	}
}
