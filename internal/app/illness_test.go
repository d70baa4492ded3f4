package app_test

import (
	"net/http"
	"time"

	"rapport/internal/app/apptest"
	"rapport/internal/config"
	"rapport/internal/crm"
	"rapport/simulator/front"
	"rapport/simulator/world"
)

const otherKey = "u2vRkzJvFcJ8PzRwhn9b3m0lWkVZ8n1p0dJc6Yx0aXo="

// illness is one thing that is wrong, or nothing.
type illness struct {
	name    string
	environ []string
	lonely  bool             // nobody is connected
	spoil   func(p *patient) // after people have connected
	broken  string           // the first broken link
	states  map[string]string
	text    string // in the finding of the broken link, or of the first warning
	fix     string
	action  string
}

const topicName = "projects/" + world.DemoProjectID + "/topics/gmail"

// illnesses: each finding of doctor stands here with the simulator in exactly
// that condition.
var illnesses = []illness{
	{name: "nothing", states: map[string]string{"settings": "ok", "data_folder": "ok", "database": "ok", "encryption_key": "ok", "public_address": "ok", "google": "ok", "clock": "ok",
		"oauth_client": "ok", "redirect_connect": "ok", "redirect_sign_in": "ok", "redirect_tokens": "ok", "publishing": "ok", "approval": "ok", "admin_policy": "ok",
		"grants": "ok", "api_gmail": "ok", "pubsub_topic": "skipped", "push_endpoint": "skipped"}},
	{name: "open broker", environ: []string{"BROKER_OPEN=true"}, states: map[string]string{"settings": "warning", "api_gmail": "ok"}, text: "BROKER_OPEN", fix: "Unset"},
	{name: "an API that the simulator lacks", spoil: func(p *patient) { p.authorise("calendar") }, states: map[string]string{"api_gmail": "ok", "api_calendar": "skipped"}},
	{name: "nobody is connected", lonely: true, states: map[string]string{"oauth_client": "ok", "grants": "skipped", "api_gmail": "skipped", "publishing": "skipped", "admin_policy": "skipped"}},
	{name: "no client", environ: []string{"GOOGLE_CLIENT_ID=", "GOOGLE_CLIENT_SECRET="}, lonely: true, broken: "oauth_client", text: "None is configured", fix: "GOOGLE_CLIENT_ID", action: "/admin/google",
		states: map[string]string{"redirect_connect": "skipped", "grants": "skipped"}},
	{name: "wrong secret", spoil: func(p *patient) { p.project(`{"secret":"another"}`) }, broken: "oauth_client", text: "refuses the client", fix: "Copy the client's id and secret",
		action: "console.cloud.google.com", states: map[string]string{"redirect_connect": "skipped", "publishing": "skipped", "api_gmail": "skipped", "clock": "ok"}},
	{name: "unknown client", environ: []string{"GOOGLE_CLIENT_ID=100000000099-nobody.apps.googleusercontent.com"}, lonely: true,
		spoil: func(p *patient) {
			p.project(`{"client_id":"100000000099-nobody.apps.googleusercontent.com","secret":"x"}`)
		}, broken: "oauth_client", text: "invalid_client"},
	{name: "deleted client", spoil: func(p *patient) { p.project(`{"deleted":true}`) }, broken: "oauth_client", text: "was deleted", fix: "Restore it"},
	{name: "redirect URI for connecting not registered", spoil: func(p *patient) { p.registered(config.SignInCallback, config.TokenCallback) }, broken: "redirect_connect",
		text: config.ConnectCallback, fix: "add exactly: http", action: "/apis/credentials", states: map[string]string{"redirect_sign_in": "ok", "redirect_tokens": "ok"}},
	{name: "redirect URI for signing in not registered", spoil: func(p *patient) { p.registered(config.ConnectCallback, config.TokenCallback) }, broken: "redirect_sign_in", text: config.SignInCallback},
	{name: "redirect URI of the token service not registered", spoil: func(p *patient) { p.registered(config.ConnectCallback, config.SignInCallback) }, broken: "redirect_tokens", text: config.TokenCallback},
	{name: "Gmail API not enabled", spoil: func(p *patient) { p.project(`{"disabled_apis":["gmail"]}`) }, broken: "api_gmail", text: "not enabled", fix: "Enable",
		action: "/apis/library/gmail.googleapis.com", states: map[string]string{"grants": "ok"}},
	{name: "Drive API not enabled", spoil: func(p *patient) { p.authorise("drive"); p.project(`{"disabled_apis":["drive"]}`) }, broken: "api_drive", action: "/apis/library/drive.googleapis.com",
		states: map[string]string{"api_gmail": "ok"}},
	{name: "Sheets API not enabled", spoil: func(p *patient) { p.authorise("sheets"); p.project(`{"disabled_apis":["sheets"]}`) }, broken: "api_sheets", states: map[string]string{"api_gmail": "ok"}},
	{name: "Meet API not enabled", spoil: func(p *patient) { p.authorise("meet"); p.project(`{"disabled_apis":["meet"]}`) }, broken: "api_meet"},
	{name: "Admin SDK not enabled", spoil: func(p *patient) { p.authorise("directory"); p.project(`{"disabled_apis":["directory"]}`) }, broken: "api_directory"},
	{name: "all APIs enabled", spoil: func(p *patient) { p.authorise("drive"); p.authorise("sheets"); p.authorise("meet") },
		states: map[string]string{"api_gmail": "ok", "api_drive": "ok", "api_sheets": "ok", "api_meet": "ok"}},
	{name: "in Testing", lonely: true, spoil: func(p *patient) { p.project(`{"publishing":"testing"}`); p.connect() }, states: map[string]string{"publishing": "warning", "api_gmail": "ok"},
		text: "in 6 days 23 hours", fix: "Publish app", action: "/auth/audience"},
	{name: "grants that died after seven days", spoil: func(p *patient) {
		for range 2 {
			p.authorise("gmail")
		}
		p.died(7 * 24 * time.Hour)
	}, broken: "grants", states: map[string]string{"publishing": "warning", "api_gmail": "skipped"}, text: "Every grant has ended", fix: "connect again"},
	{name: "access was removed", spoil: func(p *patient) { p.Sim.OAuth.RevokeAccount(apptest.Mara, "") }, broken: "grants", text: "1 has ended", fix: "connect again", action: "/admin/connections",
		states: map[string]string{"api_gmail": "skipped", "oauth_client": "ok"}},
	{name: "the organisation blocks the app", spoil: func(p *patient) { p.project(`{"blocked":{"domain":"northwind-lamps.example","app":true}}`) }, broken: "admin_policy",
		text: "admin_policy_enforced", fix: "API controls", action: "admin.google.com"},
	{name: "a connection waits for the organisation", lonely: true, spoil: func(p *patient) {
		p.project(`{"blocked":{"domain":"northwind-lamps.example","app":true,"mode":"callback"}}`)
		p.connect()
	}, broken: "admin_policy", text: "1 connection waits", fix: world.DemoClientID, action: "admin.google.com"},
	{name: "the service is off for the account", spoil: func(p *patient) {
		p.fault(front.Fault{API: "gmail", Method: "getProfile", Kind: "status", Status: 403, Reason: "domainPolicy"})
	}, broken: "api_gmail", text: "administrators", action: "admin.google.com"},
	{name: "approval pending", spoil: func(p *patient) { p.decide("pending") }, broken: "approval", text: "has not been approved", fix: "approval page", action: "/admin/approval"},
	{name: "approval blocked", spoil: func(p *patient) { p.decide("blocked") }, broken: "approval", text: "blocked Google", action: "/admin/approval"},
	{name: "clock behind", spoil: func(p *patient) { p.now = func() time.Time { return time.Now().Add(-20 * time.Minute) } }, broken: "clock", text: "behind", fix: "NTP",
		states: map[string]string{"oauth_client": "ok"}},
	{name: "clock a little ahead", spoil: func(p *patient) { p.now = func() time.Time { return time.Now().Add(time.Minute) } }, states: map[string]string{"clock": "warning"}, text: "ahead"},
	{name: "lost key", spoil: func(p *patient) { p.Config.EncryptionKey = crm.NewSecret(otherKey) }, broken: "encryption_key", text: "1 of 1 stored grants", fix: "behind the present one",
		states: map[string]string{"grants": "skipped", "api_gmail": "skipped", "oauth_client": "ok"}},
	{name: "Google cannot be reached", spoil: func(p *patient) { p.Config.GoogleBaseURL = "http://127.0.0.1:1" }, broken: "google", text: "cannot be reached", fix: "HTTPS_PROXY",
		states: map[string]string{"clock": "skipped", "oauth_client": "skipped", "redirect_connect": "skipped", "api_gmail": "skipped", "database": "ok"}},
	{name: "something else answers in Google's place", spoil: func(p *patient) { p.fault(front.Fault{API: "oauth", Method: "certs", Kind: "html", Status: 200}) }, broken: "google",
		text: "something else than Google", fix: "a proxy", states: map[string]string{"clock": "skipped", "oauth_client": "skipped", "database": "ok"}},
	{name: "token endpoint down", spoil: func(p *patient) {
		p.fault(front.Fault{API: "oauth", Method: "token", Kind: "status", Status: 500})
	}, broken: "google", text: "The token endpoint"},
	{name: "no TLS", environ: []string{"PUBLIC_URL=http://crm.example.org"}, lonely: true, broken: "public_address", text: "http for localhost only", fix: "https",
		states: map[string]string{"push_endpoint": "skipped"}},
	{name: "an address of numbers", environ: []string{"PUBLIC_URL=https://203.0.113.7"}, lonely: true, broken: "public_address", text: "no IP addresses"},
	{name: "topic is right", environ: []string{"GOOGLE_PUBSUB_TOPIC=" + topicName}, spoil: func(p *patient) { p.topic(topicName, true) }, states: map[string]string{"pubsub_topic": "ok"}},
	{name: "no topic", environ: []string{"GOOGLE_PUBSUB_TOPIC=" + topicName}, broken: "pubsub_topic", text: "There is no topic", fix: "gcloud pubsub topics create", action: "cloudpubsub"},
	{name: "Gmail may not publish", environ: []string{"GOOGLE_PUBSUB_TOPIC=" + topicName}, spoil: func(p *patient) { p.topic(topicName, false) }, broken: "pubsub_topic",
		text: "may not publish", fix: "gmail-api-push@system.gserviceaccount.com"},
	{name: "topic of another project", environ: []string{"GOOGLE_PUBSUB_TOPIC=projects/somebody-elses/topics/gmail"}, broken: "pubsub_topic", text: "not in the Google Cloud project", fix: "in the project of the OAuth client"},
	{name: "another program watches", environ: []string{"GOOGLE_PUBSUB_TOPIC=" + topicName}, spoil: func(p *patient) {
		p.topic(topicName, true)
		p.topic("projects/"+world.DemoProjectID+"/topics/others", true)
		p.watch("projects/" + world.DemoProjectID + "/topics/others")
	}, states: map[string]string{"pubsub_topic": "warning"}, text: "watched with another topic"},
	{name: "reachable from outside", environ: []string{"PUBLIC_URL=https://crm.example.org"}, lonely: true, spoil: func(p *patient) { p.outside(http.StatusOK, `{"status":"ok","version":"test"}`) },
		states: map[string]string{"push_endpoint": "ok"}},
	{name: "something else answers", environ: []string{"PUBLIC_URL=https://crm.example.org"}, lonely: true, spoil: func(p *patient) { p.outside(http.StatusOK, `<html>Welcome to nginx</html>`) },
		broken: "push_endpoint", text: "something else", fix: "proxy"},
	{name: "nothing answers", environ: []string{"PUBLIC_URL=https://crm.example.org"}, lonely: true, spoil: func(p *patient) { p.outside(0, "") }, broken: "push_endpoint", text: "cannot be reached from this machine"},
}
