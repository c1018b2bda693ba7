package main

import (
	"html/template"
	"os"

	"samsa/scenarios/view"
)

// page is a run as one self-contained file. The template escapes record values, which may contain HTML.
type page struct {
	view.Report
	Tale  string
	Story view.Marked
}

// pageText is the template of the page. Blue means good and orange means bad, but the text can be read without the colours.
const pageText = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{{.Scenario}}, seed {{.Seed}}</title>
<style>
body { font: 15px/1.45 ui-monospace, monospace; max-width: 64em; margin: 2em auto; padding: 0 1em }
.tale { white-space: pre-wrap } table { border-collapse: collapse } td { padding: .1em .8em .1em 0; vertical-align: top }
td.n { text-align: right; color: #666 } .verb { font-weight: bold } .output { white-space: pre-wrap; color: #444 }
.held { color: #0072b2 } .violated, .priced { color: #b34700 } .unknown, .unexercised { color: #666 }
</style>
<h1>{{.Scenario}}</h1>
<p class="tale">{{.Tale}}</p>
<table>{{range .Story.Story}}
<tr><td class="violated">{{if eq .Mark "broke"}}X{{else if .Mark}}*{{end}}</td><td class="n">{{if .Step}}{{.Step}}{{end}}</td><td class="n">{{seconds .Time}}</td><td>{{.Who}}</td><td class="{{.Kind}}">{{.Text}}</td></tr>{{end}}
</table>
<pre>{{.Story.Legend}}</pre>
<h2>What the judges say</h2>
<table>{{range .Properties}}
<tr><td>{{.Name}}</td><td class="{{.Status}}">{{.Status}}{{if and .Step (ne .Status "held")}} at step {{.Step}}{{end}}</td><td>{{.Explanation}}{{if .Known}}<br>known: {{.Known}} of FINDINGS.md: {{.Clause}}{{else if .Clause}}<br>allowed by: {{.Clause}}{{end}}</td></tr>{{end}}
</table>
{{if .Found}}<h2>What was found when the file was saved</h2>
<table>{{range .Found}}
<tr><td>{{.Check}}</td><td class="{{if eq .State "there"}}violated{{else}}held{{end}}">{{if eq .State "there"}}still there{{else}}{{.State}}{{end}}</td><td>{{.Kind}}</td></tr>{{end}}
</table>
{{end}}<h2>Verdict: {{.Verdict}}</h2>
<p>{{if .Why}}{{.Why}}<br>{{end}}{{if .Stopped}}{{.Stopped}}<br>{{end}}{{.Events}} events, {{.Steps}} steps, {{seconds .VirtualNS}} of virtual time, hash {{.Hash}}<br>again: {{.Again}}</p>
</html>
`

// write writes the page to a file.
func (p page) write(path string) error {
	t, err := template.New("page").Funcs(template.FuncMap{"seconds": view.Seconds}).Parse(pageText)
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return usage("", "cannot write the page: %v", err)
	}
	if err := t.Execute(f, p); err != nil {
		f.Close()
		return usage("", "cannot write %s: %v", path, err)
	}
	if err := f.Close(); err != nil {
		return usage("", "cannot write %s: %v", path, err)
	}
	return nil
}
