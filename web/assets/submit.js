// A field named "submit" would hide the form's own method of that name.
HTMLFormElement.prototype.submit.call(document.forms[0]);
