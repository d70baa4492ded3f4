package google

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/mail"
)

// object is a JSON object of which the last of equal keys holds.
type object map[string]json.RawMessage

// reference decodes with encoding/json, by the rules of DecodeMessage.
func reference(raw []byte) (*mail.Message, error) {
	o, err := objectOf(raw)
	if err != nil {
		return nil, err
	}
	m := &mail.Message{Raw: raw}
	var millis int64
	err = firstError(
		stringAt(o, "id", &m.ID), stringAt(o, "threadId", &m.ThreadID), stringAt(o, "snippet", &m.Snippet),
		stringsAt(o, "labelIds", &m.Labels), numberAt(o, "historyId", func(s string) (err error) {
			m.HistoryID, err = strconv.ParseUint(s, 10, 64)
			return err
		}),
		intAt(o, "internalDate", &millis), intAt(o, "sizeEstimate", &m.Size), referencePart(o["payload"], &m.Payload),
	)
	m.Snippet = html.UnescapeString(m.Snippet)
	if millis != 0 {
		if millis > 9223372036854 || millis < -9223372036854 {
			return nil, fmt.Errorf("time")
		}
		m.InternalDate = time.UnixMilli(millis).UTC()
	}
	return m, err
}

func referencePart(raw json.RawMessage, p *mail.Part) error {
	o, err := objectOf(raw)
	if err != nil {
		return err
	}
	b, err := objectOf(o["body"])
	if err != nil {
		return err
	}
	var data string
	err = firstError(stringAt(o, "partId", &p.ID), stringAt(o, "mimeType", &p.MIME), stringAt(o, "filename", &p.Filename),
		stringAt(b, "attachmentId", &p.AttachmentID), intAt(b, "size", &p.Size), stringAt(b, "data", &data))
	if err != nil {
		return err
	}
	if data != "" {
		plain := strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(data, "="))
		if p.Body, err = base64.RawURLEncoding.DecodeString(plain); err != nil {
			return err
		}
	}
	err = each(o["headers"], func(raw json.RawMessage) error {
		h, err := objectOf(raw)
		var out mail.Header
		err = firstError(err, stringAt(h, "name", &out.Name), stringAt(h, "value", &out.Value))
		p.Headers = append(p.Headers, out)
		return err
	})
	if err != nil {
		return err
	}
	return each(o["parts"], func(raw json.RawMessage) error {
		p.Parts = append(p.Parts, mail.Part{})
		return referencePart(raw, &p.Parts[len(p.Parts)-1])
	})
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(bytes.TrimSpace(raw)) == "null" }

func objectOf(raw json.RawMessage) (object, error) {
	var o object
	if isNull(raw) {
		return nil, nil
	}
	return o, json.Unmarshal(raw, &o)
}

func each(raw json.RawMessage, f func(json.RawMessage) error) error {
	var list []json.RawMessage
	if isNull(raw) {
		return nil
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return err
	}
	for _, item := range list {
		if err := f(item); err != nil {
			return err
		}
	}
	return nil
}

func stringAt(o object, key string, to *string) error {
	if isNull(o[key]) {
		return nil
	}
	return json.Unmarshal(o[key], to)
}

func stringsAt(o object, key string, to *[]string) error {
	return each(o[key], func(raw json.RawMessage) error {
		var s string
		if !isNull(raw) {
			if err := json.Unmarshal(raw, &s); err != nil {
				return err
			}
		}
		*to = append(*to, s)
		return nil
	})
}

func numberAt(o object, key string, set func(string) error) error {
	raw := bytes.TrimSpace(o[key])
	if isNull(raw) {
		return nil
	}
	text := string(raw)
	if raw[0] == '"' {
		if err := json.Unmarshal(raw, &text); err != nil {
			return err
		}
	} else if c := raw[0]; c != '-' && (c < '0' || c > '9') {
		return fmt.Errorf("not a number")
	}
	if text == "" {
		return nil
	}
	return set(text)
}

func intAt(o object, key string, to *int64) error {
	return numberAt(o, key, func(s string) (err error) {
		*to, err = strconv.ParseInt(s, 10, 64)
		return err
	})
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// sample is a message as Gmail sends it, of about 8.8 KB.
func sample() []byte {
	header := func(name, value string) string {
		n, _ := json.Marshal(name)
		v, _ := json.Marshal(value)
		return `{"name":` + string(n) + `,"value":` + string(v) + `}`
	}
	headers := []string{header("Delivered-To", "ada.winter@northwind-lamps.example"), header("Subject", "Angebot für \"Leuchten\" — Teil 2"),
		header("From", "Bo Lindgren <bo@harbour-freight.example>"), header("To", "Ada Winter <ada.winter@northwind-lamps.example>"),
		header("Message-ID", "<CAF+1234567890abcdef@mail.harbour-freight.example>"), header("Date", "Tue, 3 Feb 2026 10:11:12 +0100")}
	for i := range 22 {
		headers = append(headers, header(fmt.Sprintf("X-Trace-%d", i), strings.Repeat("by 2002:a05:6402:0:0:0:0:0 with SMTP id ", 2)))
	}
	text := base64.URLEncoding.EncodeToString([]byte(strings.Repeat("Dear Ada, the lamps leave on Monday; the invoice follows. Ünïcode.\r\n", 18)))
	page := base64.URLEncoding.EncodeToString([]byte(strings.Repeat("<p>Dear Ada, the <b>lamps</b> leave on Monday; the invoice follows.</p>\r\n", 28)))
	return []byte(`{"id":"18c3f2a9b7d4e601","threadId":"18c3f2a9b7d4e600","labelIds":["UNREAD","IMPORTANT","INBOX"],` +
		`"snippet":"Dear Ada, the lamps leave on Monday; it&#39;s \u003cagreed\u003e","payload":{"partId":"","mimeType":"multipart/mixed","filename":"",` +
		`"headers":[` + strings.Join(headers, ",") + `],"body":{"size":0},"parts":[{"partId":"0","mimeType":"multipart/alternative","filename":"","headers":[` +
		header("Content-Type", "multipart/alternative; boundary=\"x\"") + `],"body":{"size":0},"parts":[` +
		`{"partId":"0.0","mimeType":"text/plain","filename":"","headers":[` + header("Content-Type", "text/plain; charset=\"UTF-8\"") + `],"body":{"size":1260,"data":"` + text + `"}},` +
		`{"partId":"0.1","mimeType":"text/html","filename":"","headers":[` + header("Content-Type", "text/html; charset=\"UTF-8\"") + `],"body":{"size":2100,"data":"` + page + `"}}]},` +
		`{"partId":"1","mimeType":"application/pdf","filename":"Rechnung.pdf","headers":[` + header("Content-Disposition", "attachment") + `],"body":{"attachmentId":"ANGjdJ8","size":81234}}]},` +
		`"sizeEstimate":91234,"historyId":"998877665544","internalDate":"1770109872000"}`)
}

func TestAMessageIsDecodedWhole(t *testing.T) {
	raw := sample()
	m, err := DecodeMessage(raw)
	require.NoError(t, err)
	require.Equal(t, "18c3f2a9b7d4e601", m.ID)
	require.Equal(t, []string{"UNREAD", "IMPORTANT", "INBOX"}, m.Labels)
	require.Equal(t, "Dear Ada, the lamps leave on Monday; it's <agreed>", m.Snippet)
	require.Equal(t, uint64(998877665544), m.HistoryID)
	require.Equal(t, time.Date(2026, 2, 3, 9, 11, 12, 0, time.UTC), m.InternalDate)
	require.Equal(t, "Angebot für \"Leuchten\" — Teil 2", m.Payload.Headers[1].Value)
	require.Contains(t, string(m.Payload.Parts[0].Parts[0].Body), "Ünïcode")
	require.Equal(t, "ANGjdJ8", m.Payload.Parts[1].AttachmentID)
	want, err := reference(raw)
	require.NoError(t, err)
	require.Equal(t, want, m)
}

var oddities = []string{
	`{}`, ` { } `, `null`, `{"id":null,"labelIds":null,"payload":null}`, `{"id":"a","id":"b"}`, `{"payload":{"partId":"1"},"payload":{"filename":"x"}}`,
	`{"historyId":12,"sizeEstimate":"7","internalDate":-5}`, `{"historyId":1.5}`, `{"historyId":-1}`, `{"historyId":""}`, `{"historyId":true}`,
	`{"internalDate":"9223372036854775807"}`, `{"id":5}`, `{"id":"\ud83d\ude00\ud83d\u0041\udc00"}`, `{"id":"\x"}`, `{"id":"` + "\xff\xc3" + `"}`, "{\"id\":\"a\tb\"}",
	`{"payload":{"body":{"data":"_-8="}}}`, `{"payload":{"body":{"data":"/+8"}}}`, `{"payload":{"body":{"data":"a"}}}`, `{"payload":{"body":{"data":"AAAA\nAAAA"}}}`,
	`{"labelIds":["a",null,"b"]}`, `{"labelIds":[]}`, `{"labelIds":{}}`, `{"x":[1,-0,0.5e+7,true,false,null,{"y":[[]]}]}`, `{"x":01}`, `{"x":1.}`, `{"x":-}`, `{"x":nul}`,
	`{"id":"a"}x`, `{"id":"a",}`, `{"id":"a"`, `{"id" "a"}`, `[]`, ``, `"`, `{"payload":{"headers":[{"name":"A","value":null},null,{}],"parts":[null,{}]}}`,
	`{"payload":` + strings.Repeat(`{"parts":[`, 300) + strings.Repeat(`]}`, 300) + `}`,
}

func TestDecodingAgreesWithEncodingJSON(t *testing.T) {
	for _, raw := range oddities {
		agree(t, []byte(raw))
	}
}

func agree(t *testing.T, raw []byte) {
	t.Helper()
	want, wantErr := reference(raw)
	got, err := DecodeMessage(raw)
	if !json.Valid(raw) {
		require.Error(t, err, "%q", raw)
		return
	}
	if wantErr != nil {
		require.Error(t, err, "%q: encoding/json says %v", raw, wantErr)
		return
	}
	require.NoError(t, err, "%q", raw)
	require.Equal(t, want, got, "%q", raw)
}

func FuzzDecodeMessage(f *testing.F) {
	f.Add(sample())
	for _, raw := range oddities {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) { agree(t, raw) })
}

func TestAThreadGivesItsMessagesWithTheirOwnText(t *testing.T) {
	one := sample()
	raw := []byte(`{"id":"18c3f2a9b7d4e600","historyId":"9","messages":[` + string(one) + ` , {"id":"2"}]}`)
	list, err := decodeThread(raw)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, one, list[0].Raw)
	require.Equal(t, `{"id":"2"}`, string(list[1].Raw))
	for _, bad := range []string{`{"messages":[{"id":"2"}`, `{"messages":{}}`, `{"messages":[]}x`} {
		_, err := decodeThread([]byte(bad))
		require.Error(t, err, bad)
	}
}

func TestDecodingStaysWithinItsAllocations(t *testing.T) {
	raw := sample()
	n := testing.AllocsPerRun(200, func() { _, _ = DecodeMessage(raw) })
	require.LessOrEqual(t, n, 24.0)
}

func BenchmarkDecodeMessage(b *testing.B) {
	raw := sample()
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeMessage(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeMessageWithEncodingJSON(b *testing.B) {
	raw := sample()
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	var m struct {
		ID       string
		Snippet  string
		LabelIds []string
		Payload  jsonPart
	}
	for b.Loop() {
		if err := json.Unmarshal(raw, &m); err != nil {
			b.Fatal(err)
		}
	}
}

type jsonPart struct {
	PartID  string
	Headers []mail.Header
	Body    struct{ Data string }
	Parts   []jsonPart
}
