package directory

import (
	"encoding/base64"
	"fmt"
	"hash/fnv"

	"rapport/simulator/front"
	"rapport/simulator/oauth"
	"rapport/simulator/world"
)

// show gives a user as an answer holds it: everything for administrators, the
// public part for colleagues.
func show(c *front.Call, a world.Account) map[string]any {
	out := map[string]any{
		"kind": "admin#directory#user", "id": a.Sub, "etag": etag(fmt.Sprint(a)), "primaryEmail": a.Email,
		"name":              map[string]string{"givenName": a.Given(), "familyName": a.Family(), "fullName": a.Name},
		"emails":            []any{map[string]any{"address": a.Email, "primary": true}},
		"thumbnailPhotoUrl": baseURL(c) + oauth.AvatarPath + a.Sub,
	}
	emails := out["emails"].([]any)
	for _, alias := range a.Aliases {
		emails = append(emails, map[string]any{"address": alias})
	}
	out["emails"] = emails
	if a.Title != "" {
		out["organizations"] = []any{map[string]any{"title": a.Title, "primary": true, "customType": ""}}
	}
	if c.Query.Get("viewType") == "domain_public" {
		return out
	}
	for k, v := range map[string]any{
		"isAdmin": a.Admin, "isDelegatedAdmin": false, "suspended": a.Suspended, "archived": a.Archived, "orgUnitPath": unit(a),
		"customerId": CustomerID(a.Domain), "isMailboxSetup": !a.NoMailbox, "agreedToTerms": true, "changePasswordAtNextLogin": false,
		"ipWhitelisted": false, "includeInGlobalAddressList": true, "isEnrolledIn2Sv": true, "isEnforcedIn2Sv": true, "isGuestUser": false,
		"creationTime": "2024-03-04T08:15:30.000Z", "lastLoginTime": "2026-01-12T07:41:09.000Z",
	} {
		out[k] = v
	}
	if len(a.Aliases) > 0 {
		out["aliases"] = a.Aliases
	}
	if a.Suspended {
		out["suspensionReason"] = "ADMIN"
	}
	return out
}

func unit(a world.Account) string {
	if a.OrgUnit == "" {
		return "/"
	}
	return a.OrgUnit
}

func baseURL(c *front.Call) string {
	scheme := "http"
	if c.Request.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + c.Request.Host
}

func etag(of string) string {
	h := fnv.New128a()
	h.Write([]byte(of))
	return `"` + base64.RawURLEncoding.EncodeToString(h.Sum(nil)) + `"`
}
