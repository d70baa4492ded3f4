package sheets_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	drive "google.golang.org/api/drive/v3"
	api "google.golang.org/api/sheets/v4"

	"rapport/simulator/files"
	"rapport/simulator/simtest"
)

func service(t *testing.T, h *simtest.House, account, client string, scopes ...string) *api.Service {
	t.Helper()
	s, err := api.NewService(t.Context(), h.Options("", h.Client(account, client, scopes...))...)
	require.NoError(t, err)
	return s
}

// rows makes values.
func rows(r ...[]any) [][]any { return r }

func row(v ...any) []any { return append([]any{}, v...) }

func TestASpreadsheetMadeInDriveIsTheSame(t *testing.T) {
	h := simtest.Open(t)
	d, err := drive.NewService(t.Context(), h.Options("/drive/v3/", h.Client(simtest.Mara, "", "drive.file"))...)
	require.NoError(t, err)
	f, err := d.Files.Create(&drive.File{Name: "Deals", MimeType: files.Spreadsheet}).Do()
	require.NoError(t, err)

	s := service(t, h, simtest.Mara, "", "spreadsheets")
	b, err := s.Spreadsheets.Get(f.Id).Do()
	require.NoError(t, err)
	require.Equal(t, "Deals", b.Properties.Title)
	require.Equal(t, "Sheet1", b.Sheets[0].Properties.Title)
	require.EqualValues(t, 1000, b.Sheets[0].Properties.GridProperties.RowCount)
	require.EqualValues(t, 26, b.Sheets[0].Properties.GridProperties.ColumnCount)

	made, err := s.Spreadsheets.Create(&api.Spreadsheet{Properties: &api.SpreadsheetProperties{Title: "Made in Sheets"},
		Sheets: []*api.Sheet{{Properties: &api.SheetProperties{Title: "Open"}}, {Properties: &api.SheetProperties{Title: "Won deals"}}}}).Do()
	require.NoError(t, err)
	require.NotEqual(t, made.Sheets[0].Properties.SheetId, made.Sheets[1].Properties.SheetId)
	got, err := d.Files.Get(made.SpreadsheetId).Do()
	require.NoError(t, err)
	require.Equal(t, "Made in Sheets", got.Name)
	require.Equal(t, files.Spreadsheet, got.MimeType)
	_, err = d.Files.Update(made.SpreadsheetId, &drive.File{Name: "Renamed"}).Do()
	require.NoError(t, err)
	b, err = s.Spreadsheets.Get(made.SpreadsheetId).Do()
	require.NoError(t, err)
	require.Equal(t, "Renamed", b.Properties.Title)
}

// sheet makes a spreadsheet with the two tables of Google's guide to appending.
func sheet(t *testing.T, s *api.Service) string {
	t.Helper()
	b, err := s.Spreadsheets.Create(&api.Spreadsheet{}).Do()
	require.NoError(t, err)
	require.Equal(t, "Untitled spreadsheet", b.Properties.Title)
	for at, values := range map[string][][]any{"A1:C2": rows(row("x", "y", "z"), row("x", "y", "z")), "B4:D6": rows(row("x", "y"), row("y", "z"), row("x", "y", "z"))} {
		u, err := s.Spreadsheets.Values.Update(b.SpreadsheetId, at, &api.ValueRange{Values: values}).ValueInputOption("RAW").Do()
		require.NoError(t, err)
		require.EqualValues(t, len(values), u.UpdatedRows)
	}
	return b.SpreadsheetId
}

func TestAppendFindsTheTable(t *testing.T) {
	h := simtest.Open(t)
	s := service(t, h, simtest.Mara, "", "spreadsheets")
	for _, c := range []struct{ name, at, table, updated string }{
		{"the last table of the sheet", "Sheet1", "Sheet1!B4:D6", "Sheet1!B7:C7"},
		{"a cell of a table", "B4", "Sheet1!B4:D6", "Sheet1!B7:C7"},
		{"the last table of a range", "A3:G10", "Sheet1!B4:D6", "Sheet1!B7:C7"},
		{"in both tables", "B2:D4", "Sheet1!B4:D6", "Sheet1!B7:C7"},
		{"the other table", "Sheet1!A1", "Sheet1!A1:C2", "Sheet1!A3:B3"},
		{"in no table", "F1", "", "Sheet1!F1:G1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			id := sheet(t, s)
			got, err := s.Spreadsheets.Values.Append(id, c.at, &api.ValueRange{Values: rows(row("Oakrill", 1200))}).ValueInputOption("RAW").Do()
			require.NoError(t, err)
			require.Equal(t, c.table, got.TableRange)
			require.Equal(t, c.updated, got.Updates.UpdatedRange)
			require.EqualValues(t, 1, got.Updates.UpdatedRows)
			require.EqualValues(t, 2, got.Updates.UpdatedColumns)
			require.EqualValues(t, 2, got.Updates.UpdatedCells)
		})
	}
	t.Run("new rows push the rest down", func(t *testing.T) {
		id := sheet(t, s)
		_, err := s.Spreadsheets.Values.Append(id, "A1", &api.ValueRange{Values: rows(row("n"), row("n"))}).ValueInputOption("RAW").InsertDataOption("INSERT_ROWS").Do()
		require.NoError(t, err)
		got, err := s.Spreadsheets.Values.Get(id, "B6:D8").Do()
		require.NoError(t, err)
		require.Equal(t, rows(row("x", "y"), row("y", "z"), row("x", "y", "z")), got.Values)
		b, err := s.Spreadsheets.Get(id).Do()
		require.NoError(t, err)
		require.EqualValues(t, 1002, b.Sheets[0].Properties.GridProperties.RowCount)
	})
	t.Run("the sheet grows", func(t *testing.T) {
		id := sheet(t, s)
		_, err := s.Spreadsheets.Values.Update(id, "A1000", &api.ValueRange{Values: rows(row("last"))}).ValueInputOption("RAW").Do()
		require.NoError(t, err)
		got, err := s.Spreadsheets.Values.Append(id, "A900:A1000", &api.ValueRange{Values: rows(row("more"))}).ValueInputOption("RAW").Do()
		require.NoError(t, err)
		require.Equal(t, "Sheet1!A1001", got.Updates.UpdatedRange)
	})
}

func TestReading(t *testing.T) {
	h := simtest.Open(t)
	s := service(t, h, simtest.Mara, "", "spreadsheets")
	b, err := s.Spreadsheets.Create(&api.Spreadsheet{Sheets: []*api.Sheet{{Properties: &api.SheetProperties{Title: "It's ours"}}}}).Do()
	require.NoError(t, err)
	_, err = s.Spreadsheets.Values.Update(b.SpreadsheetId, "A1", &api.ValueRange{Values: rows(
		row("Lamp", "Price", "Sold", "Since"), row("Norrsken", "1,200", "TRUE", "2026-11-20"), row(), row("'007", "12%", ""))}).ValueInputOption("USER_ENTERED").Do()
	require.NoError(t, err)

	for _, c := range []struct {
		name, at, rendering, major, says string
		want                             [][]any
	}{
		{"all, trimmed at the ends", "It's ours", "", "", "'It''s ours'!A1:Z1000", rows(row("Lamp", "Price", "Sold", "Since"), row("Norrsken", "1,200", "TRUE", "2026-11-20"), row(), row("007", "12%"))},
		{"a block", "'It''s ours'!B1:C2", "", "", "'It''s ours'!B1:C2", rows(row("Price", "Sold"), row("1,200", "TRUE"))},
		{"of the first sheet", "a2", "", "", "'It''s ours'!A2", rows(row("Norrsken"))},
		{"values as they are", "A2:D4", "UNFORMATTED_VALUE", "", "'It''s ours'!A2:D4", rows(row("Norrsken", 1200.0, true, 46346.0), row(), row("007", 0.12))},
		{"columns", "A:B", "", "COLUMNS", "'It''s ours'!A1:B1000", rows(row("Lamp", "Norrsken", "", "007"), row("Price", "1,200", "", "12%"))},
		{"whole rows", "1:1", "", "", "'It''s ours'!A1:Z1", rows(row("Lamp", "Price", "Sold", "Since"))},
		{"from a row on", "A2:B", "", "", "'It''s ours'!A2:B1000", rows(row("Norrsken", "1,200"), row(), row("007", "12%"))},
		{"corners the other way", "B2:A1", "", "", "'It''s ours'!A1:B2", rows(row("Lamp", "Price"), row("Norrsken", "1,200"))},
		{"nothing there", "G7:H9", "", "", "'It''s ours'!G7:H9", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			call := s.Spreadsheets.Values.Get(b.SpreadsheetId, c.at)
			if c.rendering != "" {
				call.ValueRenderOption(c.rendering)
			}
			if c.major != "" {
				call.MajorDimension(c.major)
			}
			got, err := call.Do()
			require.NoError(t, err)
			require.Equal(t, c.says, got.Range)
			require.Equal(t, c.want, got.Values)
		})
	}
	both, err := s.Spreadsheets.Values.BatchGet(b.SpreadsheetId).Ranges("A1", "B2:B4").Do()
	require.NoError(t, err)
	require.Equal(t, rows(row("Lamp")), both.ValueRanges[0].Values)
	require.Equal(t, rows(row("1,200"), row(), row("12%")), both.ValueRanges[1].Values)

	full, err := s.Spreadsheets.Get(b.SpreadsheetId).Ranges("A2:B2").IncludeGridData(true).Do()
	require.NoError(t, err)
	cells := full.Sheets[0].Data[0].RowData[0].Values
	require.Equal(t, "1,200", cells[1].FormattedValue)
	require.Equal(t, 1200.0, *cells[1].EffectiveValue.NumberValue)

	for _, at := range []string{"Nowhere!A1", "A", "7", "A1:B2:C3", "A0", "!", "ABCD1", "A:1"} {
		_, err := s.Spreadsheets.Values.Get(b.SpreadsheetId, at).Do()
		simtest.Refused(t, err, 400, "", "Unable to parse range: "+at)
	}
	_, err = s.Spreadsheets.Values.Get(b.SpreadsheetId, "A1001:B1002").Do()
	simtest.Refused(t, err, 400, "", "Range ('It''s ours'!A1001:B1002) exceeds grid limits. Max rows: 1000, max columns: 26")
}

func TestWriting(t *testing.T) {
	h := simtest.Open(t)
	s := service(t, h, simtest.Mara, "", "spreadsheets")
	b, err := s.Spreadsheets.Create(&api.Spreadsheet{}).Do()
	require.NoError(t, err)
	id := b.SpreadsheetId
	write := func(at, option string, values ...[]any) (*api.UpdateValuesResponse, error) {
		return s.Spreadsheets.Values.Update(id, at, &api.ValueRange{Values: values}).ValueInputOption(option).IncludeValuesInResponse(true).Do()
	}
	u, err := write("A1:D5", "RAW", row("1", 2, true), row(nil, "x"))
	require.NoError(t, err)
	require.Equal(t, "Sheet1!A1:C2", u.UpdatedRange, "what was written, not what was named")
	require.EqualValues(t, 4, u.UpdatedCells, "null leaves a cell as it is")
	require.Equal(t, rows(row("1", "2", "TRUE"), row("", "x")), u.UpdatedData.Values)

	u, err = write("A1", "RAW", row("", nil))
	require.NoError(t, err)
	require.Equal(t, "Sheet1!A1:B1", u.UpdatedRange)
	got, err := s.Spreadsheets.Values.Get(id, "A1:C1").Do()
	require.NoError(t, err)
	require.Equal(t, rows(row("", "2", "TRUE")), got.Values, "an empty text clears")

	for _, c := range []struct {
		name, at, option string
		values           [][]any
		status           int
		message          string
	}{
		{"too many rows", "A1:B1", "RAW", rows(row("a"), row("b")), 400, "Requested writing within range [Sheet1!A1:B1], but tried writing to row [2]"},
		{"too many columns", "A1:A2", "RAW", rows(row("a", "b")), 400, "Requested writing within range [Sheet1!A1:A2], but tried writing to column [B]"},
		{"a structure", "A1", "RAW", rows(row("a", map[string]string{"b": "c"})), 400, "Invalid values[0][1]: struct_value"},
		{"no option", "A1", "INPUT_VALUE_OPTION_UNSPECIFIED", rows(row("a")), 400, "'valueInputOption' is required but not specified"},
		{"a formula", "A1", "USER_ENTERED", rows(row("=SUM(A1:A3)")), 501, "The simulator does not implement formulas."},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := write(c.at, c.option, c.values...)
			simtest.Refused(t, err, c.status, "", c.message)
		})
	}

	_, err = s.Spreadsheets.BatchUpdate(id, &api.BatchUpdateSpreadsheetRequest{Requests: []*api.Request{
		{AddSheet: &api.AddSheetRequest{Properties: &api.SheetProperties{Title: "Won"}}}}}).Do()
	require.NoError(t, err)
	all, err := s.Spreadsheets.Values.BatchUpdate(id, &api.BatchUpdateValuesRequest{ValueInputOption: "RAW", Data: []*api.ValueRange{
		{Range: "Won!A1", Values: rows(row("a"))}, {Range: "Sheet1!A1", MajorDimension: "COLUMNS", Values: rows(row("p", "q"))}}}).Do()
	require.NoError(t, err)
	require.EqualValues(t, 3, all.TotalUpdatedCells)
	require.EqualValues(t, 2, all.TotalUpdatedSheets)

	_, err = s.Spreadsheets.Values.BatchUpdate(id, &api.BatchUpdateValuesRequest{ValueInputOption: "RAW", Data: []*api.ValueRange{
		{Range: "Won!A1", Values: rows(row("changed"))}, {Range: "Nowhere!A1", Values: rows(row("b"))}}}).Do()
	simtest.Refused(t, err, 400, "", "Unable to parse range: Nowhere!A1")
	got, err = s.Spreadsheets.Values.Get(id, "Won").Do()
	require.NoError(t, err)
	require.Equal(t, rows(row("a")), got.Values, "all or none")

	c, err := s.Spreadsheets.Values.Clear(id, "Won!A1:B2", &api.ClearValuesRequest{}).Do()
	require.NoError(t, err)
	require.Equal(t, "Won!A1:B2", c.ClearedRange)
	got, err = s.Spreadsheets.Values.Get(id, "Won").Do()
	require.NoError(t, err)
	require.Empty(t, got.Values)
}

func TestWhoMay(t *testing.T) {
	h := simtest.Open(t)
	elsewhere := service(t, h, simtest.Mara, "200000000002-other.apps.googleusercontent.com", "spreadsheets")
	b, err := elsewhere.Spreadsheets.Create(&api.Spreadsheet{}).Do()
	require.NoError(t, err)
	id := b.SpreadsheetId
	append := func(s *api.Service) error {
		_, err := s.Spreadsheets.Values.Append(id, "A1", &api.ValueRange{Values: rows(row("a"))}).ValueInputOption("RAW").Do()
		return err
	}
	require.NoError(t, append(service(t, h, simtest.Mara, "", "spreadsheets")), "spreadsheets: all of the account's")
	readonly := service(t, h, simtest.Mara, "", "spreadsheets.readonly")
	_, err = readonly.Spreadsheets.Get(id).Do()
	require.NoError(t, err)
	simtest.Refused(t, append(readonly), 403, "", "Request had insufficient authentication scopes.")

	narrow := service(t, h, simtest.Mara, "", "drive.file")
	_, err = narrow.Spreadsheets.Get(id).Do()
	simtest.Refused(t, err, 404, "", "Requested entity was not found.")
	simtest.Refused(t, append(service(t, h, simtest.Mara, "", "drive.file", "spreadsheets.readonly")), 403, "", "The caller does not have permission")

	jonas := service(t, h, simtest.Jonas, "", "spreadsheets")
	_, err = jonas.Spreadsheets.Get(id).Do()
	simtest.Refused(t, err, 403, "", "The caller does not have permission")
	_, err = jonas.Spreadsheets.Get("1nothing").Do()
	simtest.Refused(t, err, 404, "", "Requested entity was not found.")
}
