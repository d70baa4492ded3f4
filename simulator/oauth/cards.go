package oauth

func chooserPage(v view) markup {
	people := each(v.People, func(p person) markup { return personLine(p) })
	if len(v.People) == 0 {
		people = `<li><p class="soft" id="no-accounts">There is no account to choose. Create one with <code>POST /_sim/accounts</code>.</p></li>`
	}
	return frame(v, markupf(`<main class="card">
  <section>
    %s
    <h1>Choose an account</h1>
    <p class="soft">to continue to <strong id="app-name">%s</strong></p>
    %s
  </section>
  <section>
    <form method="post" action="%s">
      <ul class="people">
      %s
      </ul>
    </form>
    %s
    %s
    <form method="post" action="%s" class="buttons"><button class="button" type="submit" name="decision" value="cancel" id="cancel">Cancel</button></form>
  </section>
</main>
`, mark, v.App,
		when(v.Domain != "", markupf(`<p class="soft small">Only accounts of %s are listed, as %s asked.</p>`, v.Domain, v.App)),
		v.Action, people, otherAccount(v),
		notice("Before using this app, you would review "+v.App+"’s privacy policy and terms of service here."), v.Action))
}

func personLine(p person) markup {
	tag := when(p.Organisation == "", `<span class="tag">personal</span>`)
	if p.Suggested {
		tag = `<span class="tag on">suggested</span>`
	}
	return markupf(`
        <li><button class="person" type="submit" name="account" value="%s" id="account-%s">
          %s
          <span class="who"><b>%s</b><span>%s</span></span>
          %s
        </button></li>`, p.Email, p.Email, face(p, "face"), p.Name, p.Email, tag)
}

// otherAccount asks for one of the accounts that are not listed.
func otherAccount(v view) markup {
	return when(v.More > 0, markupf(`<form method="post" action="%s" class="other">
      <input name="account" type="email" id="other-account" placeholder="One of %d more accounts" aria-label="Address of another account" required>
      <button class="button" type="submit" id="other-continue">Next</button>
    </form>`, v.Action, v.More))
}

func consentPage(v view) markup {
	title := markupf(`Sign in to <span id="app-name">%s</span>`, v.App)
	if len(v.Boxes) > 0 {
		title = markupf(`<span id="app-name">%s</span> wants access to your Google Account`, v.App)
	}
	return frame(v, markupf(`<main class="card">
  <section>
    %s
    <h1>%s</h1>
    <a class="chip" href="%s" id="switch-account" title="Use another account">%s<em id="chosen-account">%s</em>%s</a>
  </section>
  <section>
    <form method="post" action="%s" id="consent">
      <input type="hidden" name="account" value="%s">
      %s
      %s
      %s
      <div class="buttons">
        <button class="button" type="submit" name="decision" value="cancel" id="cancel" formnovalidate>Cancel</button>
        <button class="button first" type="submit" name="decision" value="continue" id="continue">Continue</button>
      </div>
    </form>
  </section>
</main>
%s`, mark, title, v.Action, face(v.Who, "face tiny"), v.Who.Email, chevron, v.Action, v.Who.Email,
		when(v.Unverified, `<div class="warn" id="unverified"><strong>Google hasn’t verified this app.</strong> It requests sensitive information in your account. Continue only if you know and trust its developer.</div>`),
		identityBoxes(v), permissionBoxes(v), selectAll))
}

// identityBoxes are what the app learns about the person, which cannot be unticked.
func identityBoxes(v view) markup {
	if len(v.Identity) == 0 {
		return ""
	}
	words := "Google will let " + v.App + " see this about you:"
	if len(v.Boxes) > 0 {
		words = v.App + " will also see who you are:"
	}
	return markupf(`<p class="soft identity">%s</p>
      <ul class="boxes identity">
        %s
      </ul>`, words, each(v.Identity, func(b box) markup {
		return markupf(`<li><div class="box plain">%s<span class="text">%s</span></div></li>`, icon("tick"), b.Title)
	}))
}

// permissionBoxes are what the app asks for: one permission is said, several are chosen from.
func permissionBoxes(v view) markup {
	if len(v.Boxes) == 0 {
		return ""
	}
	warning := notice("Make sure you trust " + v.App + ". You may be sharing sensitive info with this site or app. You can always see or remove access in your account.")
	if v.Single {
		return markupf(`<h2>%s would like to:</h2>
      <ul class="boxes">
        %s
      </ul>
      %s`, v.App, each(v.Boxes, func(b box) markup {
			return markupf(`<li><div class="box plain" data-scope="%s">%s%s</div></li>`, b.Scope, icon(b.Service), boxText(b))
		}), warning)
	}
	return markupf(`<h2>Select what %s can access</h2>
      <ul class="boxes">
        <li><label class="box all"><span class="text">Select all</span><input type="checkbox" id="select-all" name="select_all" value="1"></label></li>
        %s
      </ul>
      %s`, v.App, each(v.Boxes, func(b box) markup {
		return markupf(`<li><label class="box">%s%s<input type="checkbox" name="scope" value="%s"%s></label></li>`, icon(b.Service), boxText(b), b.Scope, when(b.Ticked, " checked"))
	}), warning)
}

func boxText(b box) markup {
	return markupf(`<span class="text">%s%s</span>`, b.Title, when(b.Detail != "", markupf(`<small>%s</small>`, b.Detail)))
}

func errorCard(v view) markup {
	e := v.Error
	return frame(v, markupf(`<main class="card error">
  <section>
    %s
    <h1>Access blocked</h1>
    %s
    %s
  </section>
  <section>
    <p id="error-message">%s</p>
    <p class="soft">Error %d: <code id="error-code">%s</code></p>
    <p class="soft small">The real Google shows this error on a page of its own, too: the browser is not sent back to the application.</p>
  </section>
</main>
`, mark, when(v.App != "", markupf(`<p class="soft">The request of <strong>%s</strong> was refused.</p>`, v.App)),
		when(e.Account != "", markupf(`<p><span class="chip"><em style="padding-left:8px">%s</em></span></p>`, e.Account)),
		e.Message, e.Status, e.Code))
}
