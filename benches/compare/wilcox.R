# Times wilcox.test's interval and estimate on every data set of a folder; prints one JSON line each.
#   Rscript wilcox.R FOLDER LEVEL
arguments <- commandArgs(trailingOnly = TRUE)
level <- as.numeric(arguments[2])
for (file in sort(list.files(arguments[1], pattern = "\\.csv$", full.names = TRUE))) {
  data <- read.csv(file, header = FALSE, col.names = c("side", "value"))
  x <- data$value[data$side == "experiment"]
  y <- data$value[data$side == "control"]
  run <- function() suppressWarnings(
    wilcox.test(x, y, conf.int = TRUE, conf.level = level, exact = FALSE))
  run()
  times <- c()
  while (length(times) < 3 || (sum(times) < 1.5 && length(times) < 50)) {
    begun <- proc.time()[["elapsed"]]
    repeats <- if (length(x) <= 240) 10 else 1
    for (i in seq_len(repeats)) result <- run()
    times <- c(times, (proc.time()[["elapsed"]] - begun) / repeats)
  }
  cat(sprintf('{"name":"%s","seconds":%.9f,"lower":%.17g,"upper":%.17g,"estimate":%.17g}\n',
              sub("\\.csv$", "", basename(file)), median(times),
              result$conf.int[1], result$conf.int[2], result$estimate))
}
