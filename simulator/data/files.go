package data

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strconv"
	"strings"
	"sync"
)

func mimeOf(name string) string {
	switch {
	case strings.HasSuffix(name, ".pdf"):
		return "application/pdf"
	case strings.HasSuffix(name, ".png"):
		return "image/png"
	case strings.HasSuffix(name, ".csv"):
		return "text/csv"
	case strings.HasSuffix(name, ".ics"):
		return "application/ics"
	default:
		return "application/octet-stream"
	}
}

// fileNames lists the attachments of a message.
func (s *Source) fileNames(dst []string, t *thread, m *parts) []string {
	switch {
	case m.line != nil:
		return append(dst, m.line.files...)
	case t.kind == receipt:
		return append(dst, "receipt.pdf")
	case t.kind == invitation:
		return append(dst, "invite.ics")
	default:
		return dst
	}
}

// content makes the bytes of an attachment.
func content(name string, t *thread, sc *scene) []byte {
	switch mimeOf(name) {
	case "application/pdf":
		return pdf(name, sc)
	case "image/png":
		return drawing(t.h % 8)
	default:
		return stock(sc)
	}
}

// pdf writes a one-page document that a reader opens.
func pdf(name string, sc *scene) []byte {
	title := strings.TrimSuffix(name, ".pdf")
	rows := []string{"Northwind Lamps AB", strings.ToUpper(title[:1]) + title[1:]}
	for _, v := range []struct {
		label string
		v     variable
	}{{"Customer", vCompany}, {"Project", vProject}, {"Article", vProduct}, {"Quantity", vQty}, {"Unit price", vPrice}, {"Reference", vQuote}, {"Order", vOrder}} {
		rows = append(rows, v.label+": "+string(sc.value(nil, v.v)))
	}
	var page []byte
	page = append(page, "BT /F1 14 Tf 60 780 Td 22 TL\n"...)
	for _, r := range rows {
		page = append(page, '(')
		for _, c := range r {
			switch {
			case c == '(' || c == ')' || c == '\\':
				page = append(page, '\\', byte(c))
			case c < 256:
				page = append(page, byte(c))
			default:
				page = append(page, '?')
			}
		}
		page = append(page, ") Tj T*\n"...)
	}
	page = append(page, "ET\n"...)
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 5 0 R >> >> /Contents 4 0 R >>",
		"<< /Length " + strconv.Itoa(len(page)) + " >>\nstream\n" + string(page) + "endstream",
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
	}
	out := []byte("%PDF-1.4\n")
	var offsets []int
	for i, o := range objects {
		offsets = append(offsets, len(out))
		out = append(out, strconv.Itoa(i+1)+" 0 obj\n"+o+"\nendobj\n"...)
	}
	xref := len(out)
	out = append(out, "xref\n0 6\n0000000000 65535 f \n"...)
	for _, o := range offsets {
		out = fmt.Appendf(out, "%010d 00000 n \n", o)
	}
	return fmt.Appendf(out, "trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", xref)
}

// stock writes a table of articles.
func stock(sc *scene) []byte {
	out := []byte("article;finish;stock;incoming\r\n")
	for i, p := range products {
		d := dice(hash2(sc.h, uint64(i)+300))
		out = append(append(out, p...), ';')
		out = append(append(out, pick(&d, rals)...), ';')
		out = strconv.AppendInt(out, int64(d.n(300)), 10)
		out = append(out, ';')
		out = strconv.AppendInt(out, int64(d.n(12)*20), 10)
		out = append(out, "\r\n"...)
	}
	return out
}

var drawings [8]func() []byte

func init() {
	for i := range drawings {
		drawings[i] = sync.OnceValue(func() []byte { return plan(uint64(i)) })
	}
}

// drawing is one of a few pictures of rooms and lamps.
func drawing(i uint64) []byte { return drawings[i]() }

func plan(seed uint64) []byte {
	d := dice(seed)
	img := image.NewPaletted(image.Rect(0, 0, 480, 320), color.Palette{
		color.RGBA{250, 248, 243, 255}, color.RGBA{60, 66, 74, 255}, color.RGBA{240, 190, 90, 255}, color.RGBA{214, 221, 226, 255},
	})
	fill := func(r image.Rectangle, c uint8) {
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				img.SetColorIndex(x, y, c)
			}
		}
	}
	fill(image.Rect(20, 20, 460, 300), 1)
	fill(image.Rect(24, 24, 456, 296), 3)
	for range 3 {
		x := d.in(80, 400)
		fill(image.Rect(x, 24, x+4, d.in(120, 290)), 1)
	}
	rows, cols := d.in(2, 4), d.in(4, 8)
	for r := range rows {
		for c := range cols {
			x, y := 40+(c*2+1)*400/(2*cols), 40+(r*2+1)*240/(2*rows)
			fill(image.Rect(x-7, y-7, x+7, y+7), 2)
		}
	}
	return encodePNG(img)
}

// logo is a small picture in a company's colour.
func logo(colour string, h uint64) []byte {
	n, _ := strconv.ParseUint(colour[1:], 16, 32)
	img := image.NewPaletted(image.Rect(0, 0, 96, 24), color.Palette{color.RGBA{255, 255, 255, 255}, color.RGBA{uint8(n >> 16), uint8(n >> 8), uint8(n), 255}})
	for y := range 24 {
		for x := range 24 {
			dx, dy := x-12, y-12
			if dx*dx+dy*dy < 120 && (h>>(x/4+y/4*6)&1 == 0 || dx*dx+dy*dy > 60) {
				img.SetColorIndex(x, y, 1)
			}
		}
		for x := 32; x < 96; x++ {
			if y > 8 && y < 16 && (x*7+int(h%5))%11 > 2 {
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	return encodePNG(img)
}

func encodePNG(img image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err) // the encoder cannot fail into memory
	}
	return b.Bytes()
}
