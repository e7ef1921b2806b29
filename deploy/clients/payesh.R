# Payesh for analysts in R: the tables of a hub's API as data frames, read whole, page by page.
# Needs jsonlite and curl (both on CRAN, and in Debian as r-cran-jsonlite and r-cran-curl).
#
#   source("payesh.R")
#   hub <- payesh("http://127.0.0.1:8080", token)      # or from PAYESH_URL and PAYESH_TOKEN
#   oee <- payesh_rows(hub, "kpi-values", kpi = "prod.oee", granularity = "day", from = "1404-04-01", to = "1404-05-01")
#
# A value that is NA is "not known", never 0: look at status, coverage and flags before you add anything up.

payesh <- function(url = Sys.getenv("PAYESH_URL"), token = Sys.getenv("PAYESH_TOKEN"), timeout = 60, language = "en") {
  stopifnot(nzchar(url), nzchar(token))
  list(url = sub("/+$", "", url), token = token, timeout = timeout, language = language)
}

# One request. A problem (RFC 9457) becomes an error that says what to do.
payesh_get <- function(hub, path, ...) payesh_fetch(hub, payesh_address(path, ...))$answer

payesh_address <- function(path, ...) {
  asked <- Filter(Negate(is.null), list(...))
  text <- vapply(asked, function(value) paste(value, collapse = ","), "")
  query <- paste(names(text), vapply(text, utils::URLencode, "", reserved = TRUE), sep = "=", collapse = "&")
  paste0("/api/v1/", path, if (length(text) > 0) paste0("?", query))
}

# The answer, and the address of the next page, if there is one.
payesh_fetch <- function(hub, address) {
  url <- paste0(hub$url, address)
  for (turn in 1:10) {
    handle <- curl::new_handle(timeout = hub$timeout)
    curl::handle_setheaders(handle, Authorization = paste("Bearer", hub$token), `Accept-Language` = hub$language)
    response <- curl::curl_fetch_memory(url, handle)
    if (!response$status_code %in% c(429, 503)) break
    headers <- curl::parse_headers_list(response$headers)
    Sys.sleep(min(60, as.numeric(if (is.null(headers$`retry-after`)) 5 else headers$`retry-after`)))
  }
  body <- rawToChar(response$content)
  Encoding(body) <- "UTF-8"
  answer <- jsonlite::fromJSON(body, flatten = TRUE)
  if (response$status_code >= 400) stop(answer$code, ": ", answer$detail, call. = FALSE)
  link <- curl::parse_headers_list(response$headers)$link
  list(answer = answer, following = if (!is.null(link)) sub("^<(.*)>.*$", "\\1", link))
}

# Every row, over all pages, as one data frame. Times are POSIXct in UTC.
payesh_rows <- function(hub, path, ...) {
  pages <- list()
  address <- payesh_address(path, ...)
  while (!is.null(address)) {
    page <- payesh_fetch(hub, address)
    if (length(page$answer$data) > 0) pages[[length(pages) + 1]] <- page$answer$data
    address <- page$following
  }
  if (length(pages) == 0) return(data.frame())
  names <- unique(unlist(lapply(pages, names)))
  fill <- function(page) {
    page[setdiff(names, colnames(page))] <- NA
    page[names]
  }
  table <- do.call(rbind, lapply(pages, fill))
  for (name in intersect(c("start", "end", "time", "at"), names)) {
    table[[name]] <- as.POSIXct(table[[name]], format = "%Y-%m-%dT%H:%M:%OSZ", tz = "UTC")
  }
  table
}
