package drive

import (
	"crypto/md5"  //nolint:gosec // Drive shows it
	"crypto/sha1" //nolint:gosec // Drive shows it
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strconv"
	"strings"
	"time"

	"rapport/simulator/files"
	"rapport/simulator/front"
)

// brief is what an answer holds without `fields`.
func brief(f *files.File) map[string]any {
	return map[string]any{"kind": "drive#file", "id": f.ID, "name": f.Name, "mimeType": f.Type}
}

// show gives a file as an answer: the usual few fields, or everything for
// `fields` to choose from.
func (r *Room) show(t *files.Tree, c *front.Call, f *files.File) map[string]any {
	out := brief(f)
	if c.Query.Get("fields") == "" {
		return out
	}
	may := reachOf(c, f)
	owner := r.person(c, f.Owner)
	for k, v := range map[string]any{
		"starred": f.Starred, "trashed": f.InBin(), "explicitlyTrashed": f.Explicit, "spaces": []string{"drive"},
		"version": strconv.FormatInt(f.Version, 10), "createdTime": stamp(f.Created), "modifiedTime": stamp(f.Modified),
		"owners": []any{owner}, "lastModifyingUser": owner, "ownedByMe": true, "shared": false, "modifiedByMe": true,
		"modifiedByMeTime": stamp(f.Modified), "viewedByMe": true, "viewedByMeTime": stamp(f.Modified),
		"isAppAuthorized": f.Apps[c.Project], "writersCanShare": true, "webViewLink": webLink(f), "permissionIds": []string{owner["permissionId"].(string)},
		"capabilities": map[string]bool{"canEdit": may.write, "canDownload": may.read, "canTrash": may.describe, "canDelete": may.write, "canRename": may.describe,
			"canAddChildren": f.Type == files.Folder && may.write, "canListChildren": f.Type == files.Folder},
	} {
		out[k] = v
	}
	if len(f.Parents) > 0 {
		out["parents"] = f.Parents
	}
	if f.Description != "" {
		out["description"] = f.Description
	}
	if f.InBin() {
		out["trashedTime"] = stamp(f.Trashed)
	}
	if len(f.Properties) > 0 {
		out["properties"] = f.Properties
	}
	if p := f.AppProperties[c.Project]; len(p) > 0 {
		out["appProperties"] = p
	}
	contents(out, f)
	return out
}

// contents adds what is known of a file's bytes.
func contents(out map[string]any, f *files.File) {
	if isOwnFormat(f.Type) {
		out["quotaBytesUsed"] = "0"
		if f.Type == files.Spreadsheet {
			out["quotaBytesUsed"] = "1024"
			out["size"] = "1024"
			out["exportLinks"] = map[string]string{"text/csv": "https://docs.google.com/spreadsheets/export?id=" + f.ID + "&exportFormat=csv"}
		}
		return
	}
	sum5, sum1, sum256 := md5.Sum(f.Content), sha1.Sum(f.Content), sha256.Sum256(f.Content) //nolint:gosec // as Drive shows them
	size := strconv.Itoa(len(f.Content))
	extension := strings.TrimPrefix(path.Ext(f.Name), ".")
	for k, v := range map[string]any{
		"size": size, "quotaBytesUsed": size, "md5Checksum": hex.EncodeToString(sum5[:]), "sha1Checksum": hex.EncodeToString(sum1[:]),
		"sha256Checksum": hex.EncodeToString(sum256[:]), "originalFilename": f.Original, "headRevisionId": "0B" + f.ID[:8] + strconv.FormatInt(f.Version, 10),
		"fileExtension": extension, "fullFileExtension": extension, "webContentLink": "https://drive.google.com/uc?id=" + f.ID + "&export=download",
	} {
		out[k] = v
	}
}

func webLink(f *files.File) string {
	switch f.Type {
	case files.Folder:
		return "https://drive.google.com/drive/folders/" + f.ID
	case files.Spreadsheet:
		return "https://docs.google.com/spreadsheets/d/" + f.ID + "/edit?usp=drivesdk"
	}
	return "https://drive.google.com/file/d/" + f.ID + "/view?usp=drivesdk"
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// person is a user as Drive shows one.
func (r *Room) person(c *front.Call, email string) map[string]any {
	a, _ := r.world.Accounts.Get(email)
	name := a.Name
	if name == "" {
		name = email
	}
	id := a.Sub
	if len(id) > 20 {
		id = id[len(id)-20:]
	}
	return map[string]any{"kind": "drive#user", "displayName": name, "emailAddress": email, "me": email == c.Account, "permissionId": id}
}

// about answers only with `fields`, as the real one.
func (r *Room) about(c *front.Call) (any, error) {
	if c.Query.Get("fields") == "" {
		return nil, &front.Error{Code: 400, Reason: "required", Message: "The 'fields' parameter is required for this method.",
			Location: "fields", LocationType: "parameter"}
	}
	var used, binned int
	err := r.store.Do(func(t *files.Tree) error {
		for _, f := range t.Of(c.Account) {
			used += len(f.Content)
			if f.InBin() {
				binned += len(f.Content)
			}
		}
		return nil
	})
	return map[string]any{
		"kind": "drive#about", "user": r.person(c, c.Account), "appInstalled": true, "canCreateDrives": false, "canCreateTeamDrives": false,
		"maxUploadSize": "5242880000000",
		"storageQuota": map[string]string{"limit": "16106127360", "usage": strconv.Itoa(used), "usageInDrive": strconv.Itoa(used),
			"usageInDriveTrash": strconv.Itoa(binned)},
		"importFormats":      map[string][]string{"text/csv": {files.Spreadsheet}},
		"exportFormats":      map[string][]string{files.Spreadsheet: {"text/csv"}},
		"folderColorPalette": []string{"#ac725e", "#d06b64", "#f83a22"},
	}, err
}
