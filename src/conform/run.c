/* SPDX-License-Identifier: MIT */
/* One test, in its process. */
#include "conform/run.h"

#include <string.h>
#include <unistd.h>

/* The driver has to have what the test's service was told to offer. */
static void check_variant(struct cf *cf)
{
	const D3DCONTENTPROTECTIONCAPS *caps;

	if (cf->variant && (cf_caps_try(cf, &caps) != S_OK || caps->Caps != cf->variant))
		cf_skip(cf, "the driver does not offer this set of capabilities");
	if (cf->test->settings && !cf_is_dxvault(cf))
		cf_skip(cf, "only dxvault's own service can be set up for it");
}

void cf_run_test(struct cf *cf)
{
	check_variant(cf);
	/* What a driver without content protection says of itself is judged all the same. */
	if (strncmp(cf->test->rules, "CAP-", 4) != 0)
		cf_skip_without_protection(cf);
	cf->test->run(cf);
	if (cf_record_send(cf->socket, &(struct cf_record) { .kind = CF_RECORD_DONE }) < 0)
		_exit(1);
}
