"""Who may call which route: one row for each, which the walk of test_routes_by_role.py holds every route to.

A new route needs a row, `METHOD /path` as FastAPI writes it. A role that is not named is refused.
"""

SENDER, HOSPITAL, DOCTOR = frozenset({"sender"}), frozenset({"hospital"}), frozenset({"doctor"})
REVIEWER, LEAD = frozenset({"reviewer"}), frozenset({"lead"})
ENGINEER, ADMIN = frozenset({"engineer"}), frozenset({"admin"})
NOBODY = frozenset({"nobody"})  # without key and session

KNOWN = SENDER | HOSPITAL | DOCTOR | REVIEWER | LEAD | ENGINEER | ADMIN
ALL = KNOWN | NOBODY
PEOPLE = KNOWN - SENDER
LOOKERS = KNOWN - ENGINEER - ADMIN  # images name their patients

ROUTE_ROLES: dict[str, frozenset[str]] = {
    "GET /openapi.json": ALL,
    "GET /health": ALL,
    "GET /ready": ALL,
    "GET /.well-known/jwks.json": ALL,
    # signing in
    "POST /api/session": ALL,
    "GET /api/session": KNOWN,
    "DELETE /api/session": PEOPLE,
    "PUT /api/session/password": PEOPLE,
    "GET /api/sign-in": ALL,
    "GET /api/sign-in/openid": ALL,
    "GET /api/sign-in/openid/callback": ALL,
    # accounts and keys
    "GET /api/roles": ADMIN,
    "GET /api/accounts": ADMIN,
    "POST /api/accounts": ADMIN,
    "PATCH /api/accounts/{account_id}": ADMIN,
    "PUT /api/accounts/{account_id}/password": ADMIN,
    "GET /api/keys": ADMIN,
    "POST /api/keys": ADMIN,
    "DELETE /api/keys/{key_id}": ADMIN,
    # studies
    "GET /api/counts": KNOWN,
    "GET /api/studies": KNOWN,
    "POST /api/studies/search": HOSPITAL | DOCTOR | REVIEWER | LEAD,
    "GET /api/studies/{study_id}": KNOWN,
    "GET /api/studies/{study_id}/report": LOOKERS,
    "GET /api/studies/{study_id}/page": LOOKERS,
    "POST /api/studies/{study_id}/appeal": HOSPITAL,
    "POST /api/studies/{study_id}/withdrawal": LEAD | ADMIN,
    "DELETE /api/studies/{study_id}/withdrawal": LEAD,
    "GET /api/quarantine": KNOWN - DOCTOR,
    "GET /api/jobs/dead": LEAD | ENGINEER | ADMIN,
    "POST /api/jobs/{job_id}/revive": LEAD | ENGINEER | ADMIN,
    # reviews
    "GET /api/reviews": REVIEWER | LEAD,
    "GET /api/reviews/words": REVIEWER | LEAD,
    "GET /api/reviews/{review_id}": REVIEWER | LEAD,
    "POST /api/reviews/{review_id}/claim": REVIEWER | LEAD,
    "DELETE /api/reviews/{review_id}/claim": REVIEWER | LEAD,
    "POST /api/reviews/{review_id}/decision": REVIEWER | LEAD,
    # the pool
    "POST /api/pool/lookup": DOCTOR | LEAD,
    "GET /api/pool/reasons": KNOWN - SENDER - ADMIN,
    "POST /api/pool/entries/{entry_id}/answer": DOCTOR | LEAD,
    "GET /api/pool/statistics": KNOWN - SENDER - DOCTOR,
    "GET /api/pool/entries/{entry_id}/token": DOCTOR | HOSPITAL,
    # standing
    "GET /api/standing": LEAD | ADMIN | HOSPITAL,
    "PUT /api/standing/hospitals/{hospital_id}": LEAD | ADMIN,
    "PUT /api/standing/devices": LEAD | ADMIN,
    "POST /api/standing/tests": LEAD | ADMIN,
    # labels
    "POST /api/labels/export": ENGINEER,
    # reports of radiologists
    "POST /fhir/DiagnosticReport": SENDER | HOSPITAL,
    # DICOMweb
    "POST /dicom-web/studies": SENDER | HOSPITAL,
    "POST /dicom-web/studies/{study_uid}": SENDER | HOSPITAL,
    "GET /dicom-web/studies": LOOKERS,
    "GET /dicom-web/series": LOOKERS,
    "GET /dicom-web/instances": LOOKERS,
    "GET /dicom-web/studies/{study_uid}/series": LOOKERS,
    "GET /dicom-web/studies/{study_uid}/instances": LOOKERS,
    "GET /dicom-web/studies/{study_uid}/series/{series_uid}/instances": LOOKERS,
    "GET /dicom-web/studies/{study_uid}": LOOKERS,
    "GET /dicom-web/studies/{study_uid}/series/{series_uid}": LOOKERS,
    "GET /dicom-web/studies/{study_uid}/series/{series_uid}/instances/{instance_uid}": LOOKERS,
    "GET /dicom-web/studies/{study_uid}/metadata": LOOKERS,
    "GET /dicom-web/studies/{study_uid}/series/{series_uid}/metadata": LOOKERS,
    "GET /dicom-web/studies/{study_uid}/series/{series_uid}/instances/{instance_uid}/metadata": LOOKERS,
    "GET /dicom-web/studies/{study_uid}/series/{series_uid}/instances/{instance_uid}/frames/{numbers}": LOOKERS,
    "GET /dicom-web/studies/{study_uid}/series/{series_uid}/instances/{instance_uid}/rendered": LOOKERS,
    "GET /dicom-web/studies/{study_uid}/series/{series_uid}/instances/{instance_uid}/frames/{number}/rendered": LOOKERS,
}
